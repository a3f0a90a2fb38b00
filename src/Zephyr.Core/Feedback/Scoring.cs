using System.Globalization;
using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Sources;

namespace Zephyr.Feedback;

/// <summary>What the teacher says of an answer.</summary>
/// <param name="Value">Its score; null where the teacher gave none ("N/A" or null).</param>
/// <param name="DroppedRatings">Ratings that it was to be the mean of and that are missing.</param>
public readonly record struct AnswerScore(double? Value, int DroppedRatings);

/// <summary>Reads the score of an answer out of its fields, as the configuration's <c>score</c> says.</summary>
public sealed class Scoring(AifOptions options)
{
    private readonly string _score = options.Score ?? OverallScore;

    private const string OverallScore = "overall_score", MeanRating = "mean_rating", Annotations = "annotations", Rating = "Rating";
    private const string Number = "a number or \"N/A\"";

    /// <summary>The score.</summary>
    /// <param name="location">The row, for messages.</param>
    /// <param name="path">The completion in its row, for messages: <c>completions[2]</c>.</param>
    /// <param name="completion">The answer.</param>
    /// <exception cref="BadRowException">The field is absent or not a number.</exception>
    public AnswerScore Of(RowLocation location, string path, ScoredCompletion completion)
    {
        if (_score == MeanRating) return Mean(location, $"{path}.{Annotations}", completion.Fields);
        return completion.Fields.TryGetValue(_score, out var value)
            ? new(ToNumber(location, $"{path}.{_score}", value), 0)
            : throw new BadRowException(location, $"{path}.{_score}",
                $"no such field ({DataRow.JoinNames(completion.Fields.Keys)})", $"{Number}; the key 'score' names the field");
    }

    /// <summary>UltraFeedback's fine-grained score: the mean over the aspects that were rated.</summary>
    private AnswerScore Mean(RowLocation location, string path, IReadOnlyDictionary<string, object?> completion)
    {
        var aspects = completion.GetValueOrDefault(Annotations) as IReadOnlyDictionary<string, object?>;
        if (aspects is not { Count: > 0 })
            throw FieldReader.Bad(location, path, completion.GetValueOrDefault(Annotations), "aspects with a Rating each");
        double?[] ratings = [.. aspects.Select(aspect => AspectRating(location, $"{path}.{aspect.Key}", aspect.Value))];
        var missing = ratings.Count(rating => rating is null);
        return missing > 0 && options.OnMissingRating == "drop_completion" ? default : new(ratings.Average(), missing);
    }

    private static double? AspectRating(RowLocation location, string path, object? aspect)
    {
        if (aspect is null) return null;
        var fields = FieldReader.Struct(location, path, aspect, "an aspect with a Rating");
        return ToNumber(location, $"{path}.{Rating}", fields.GetValueOrDefault(Rating));
    }

    private static double? ToNumber(RowLocation location, string path, object? value) => value switch
    {
        null => null,
        long integer => integer,
        double number when double.IsNaN(number) => null,
        double number when double.IsFinite(number) => number,
        string text when IsMissing(text) => null,
        string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number)
            && double.IsFinite(number) => number,
        _ => throw FieldReader.Bad(location, path, value, Number),
    };

    private static bool IsMissing(string text) =>
        string.IsNullOrWhiteSpace(text) || text.Trim().Equals("N/A", StringComparison.OrdinalIgnoreCase);
}
