using System.Globalization;
using Zephyr.Data.Sources;

namespace Zephyr.Feedback.Audit;

/// <summary>A rating as a row holds it.</summary>
/// <param name="Aspect">Its name.</param>
/// <param name="Rating">The number; null where there is none.</param>
/// <param name="Position">The place at which the judge saw the answer, from 1; null where the row does not say.</param>
internal readonly record struct Annotation(string Aspect, double? Rating, int? Position);

/// <summary>
/// What a teacher said of an answer, as far as it can be read. What cannot be is passed over: whether a score can be used is
/// <see cref="Scoring"/>'s to say, and where it is not the score that is asked for it stops nothing.
/// </summary>
internal static class Annotations
{
    private const string Overall = "overall_score", Position = "Position";

    /// <summary>The ratings by aspect.</summary>
    public static IEnumerable<Annotation> AspectsOf(ScoredCompletion completion)
    {
        if (completion.Fields.GetValueOrDefault("annotations") is not IReadOnlyDictionary<string, object?> aspects) yield break;
        foreach (var (name, value) in aspects)
            if (value is IReadOnlyDictionary<string, object?> fields)
                yield return new(name, Number(fields.GetValueOrDefault("Rating")), PositionOf(fields));
    }

    /// <summary>All numbers that the answer was given: its aspects' and the overall score.</summary>
    public static IEnumerable<(string Name, double Value)> RatingsOf(ScoredCompletion completion)
    {
        foreach (var annotation in AspectsOf(completion))
            if (annotation.Rating is { } rating) yield return (annotation.Aspect, rating);
        if (Number(completion.Fields.GetValueOrDefault(Overall)) is { } overall) yield return (Overall, overall);
    }

    /// <summary>What the answer got in comparisons, at which of the two places it stood then, and which answer it was held against, from 1 (0 where the row does not say).</summary>
    public static IEnumerable<(int Position, double Points, long Against)> ComparisonsOf(ScoredCompletion completion)
    {
        if (completion.Fields.GetValueOrDefault("comparisons") is not IReadOnlyList<object?> comparisons) yield break;
        foreach (var fields in comparisons.OfType<IReadOnlyDictionary<string, object?>>())
            if (PositionOf(fields) is { } position and (1 or 2) && Number(fields.GetValueOrDefault("Points")) is { } points) yield return (position, points, fields.GetValueOrDefault("Against") is long against ? against : 0);
    }

    private static int? PositionOf(IReadOnlyDictionary<string, object?> fields) => fields.GetValueOrDefault(Position) is long and >= 1 and <= 1000 and var position ? (int)position : null;

    private static double? Number(object? value) => value switch
    {
        long whole => whole,
        double number when double.IsFinite(number) => number,
        string text when double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out var number) && double.IsFinite(number) => number,
        _ => null,
    };
}
