using System.Text.Json;
using System.Text.RegularExpressions;

namespace Zephyr.Feedback.Judging;

/// <summary>
/// Reads one rating for each of k answers out of whatever a judge wrote: JSON alone, in a fence or within prose, or blocks of
/// "Rating: 4" and "Rationale: ..." as UltraFeedback asked for. Everything that is found must agree: a rating too few or too
/// many, two different ones for an answer, one that is not on the scale or belongs to no answer make the whole answer a
/// failure. No rating is ever rounded, clamped or guessed.
/// </summary>
public static partial class RatingsParser
{
    private static readonly string[] RatingNames = ["rating", "score"];
    private static readonly string[] AnswerNames = ["answer", "answer_id", "answer_number", "text", "response", "output", "id", "number", "index"];
    private static readonly string[] ListNames = ["ratings", "scores", "evaluations", "judgments", "results", "answers"];

    /// <summary>The ratings of answers 1 to <paramref name="count"/>, in this order.</summary>
    /// <param name="text">The judge's answer.</param>
    /// <param name="count">How many answers it was shown.</param>
    /// <param name="scale">The ratings that it may give.</param>
    public static Parsed<IReadOnlyList<Rating>> Parse(string text, int count, RatingScale scale)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(scale);
        var (reply, unread) = JudgeReply.Read(text);
        if (reply is null) return Bad($"{unread}, expected {Wanted(count)}");
        List<FoundRating>[] groups = [.. reply.Json.SelectMany(part => FromJson(part, scale)), RatingBlocks.Read(reply.Prose, scale)];
        foreach (var group in groups)
            if (Numbered(group, count) is { } problem) return Bad(problem);
        return Agreed(groups.SelectMany(group => group).ToList(), count, scale);
    }

    private static Parsed<IReadOnlyList<Rating>> Agreed(List<FoundRating> found, int count, RatingScale scale)
    {
        if (found.Count == 0) return Bad($"found no rating, expected {Wanted(count)}");
        if (found.FirstOrDefault(rating => rating.Answer < 1 || rating.Answer > count) is { } stray)
            return Bad($"found a rating for answer {stray.Answer}, expected {Wanted(count)}");
        if (found.FirstOrDefault(rating => rating.Mark.Unfit is not null) is { } unfit)
            return Bad($"found the rating {unfit.Mark.Unfit} for answer {unfit.Answer}, expected {scale.Expected}");
        var byAnswer = found.ToLookup(rating => rating.Answer!.Value);
        foreach (var answer in byAnswer.OrderBy(answer => answer.Key))
            if (answer.Select(rating => rating.Mark.Value).Distinct().ToList() is { Count: > 1 } values)
                return Bad($"found the ratings {string.Join(" and ", values.Select(Shown))} for answer {answer.Key}, expected one");
        if (byAnswer.Count < count)
            return Bad($"found ratings for {byAnswer.Count} of {count} answers, expected {Wanted(count)}; there is none for {string.Join(", ", Enumerable.Range(1, count).Where(answer => !byAnswer.Contains(answer)))}");
        return Parsed<IReadOnlyList<Rating>>.Of([.. Enumerable.Range(1, count).Select(answer => Rating(byAnswer[answer]))]);

        static Rating Rating(IEnumerable<FoundRating> same) =>
            new(same.First().Mark.Value, same.Select(rating => rating.Rationale).FirstOrDefault(rationale => rationale.Length > 0) ?? "");
    }

    /// <summary>
    /// Gives ratings that name no answer the numbers of their places, where none of them names one and there is one for each
    /// answer. Says what is wrong where that cannot be.
    /// </summary>
    private static string? Numbered(List<FoundRating> group, int count)
    {
        var nameless = group.Count(rating => rating.Answer is null);
        if (nameless == 0) return null;
        if (nameless < group.Count) return $"found {nameless} of {group.Count} ratings without the number of their answer, expected {Wanted(count)}";
        if (group.Select(rating => rating.Doubt).FirstOrDefault(doubt => doubt is not null) is { } doubt) return $"found {doubt}, expected {Wanted(count)}";
        if (group.Count != count) return $"found {group.Count} ratings without the number of their answer, expected {Wanted(count)}";
        for (var i = 0; i < group.Count; i++) group[i] = group[i] with { Answer = i + 1 };
        return null;
    }

    /// <summary>The ratings of each list that it holds, or of itself.</summary>
    private static IEnumerable<List<FoundRating>> FromJson(JsonPart part, RatingScale scale)
    {
        var isList = part.Root.ValueKind == JsonValueKind.Array;
        List<JsonElement> lists = isList ? [] : [.. part.Root.Fields(ListNames)];
        return (lists.Count == 0 ? [part.Root] : lists).Select(list => Of(list).ToList());

        IEnumerable<FoundRating> Of(JsonElement list) => list.ValueKind switch
        {
            JsonValueKind.Array => list.EnumerateArray().SelectMany(item => item.ValueKind == JsonValueKind.Object ? Item(item) : isList ? [] : [Rating(null, item, item)]),
            JsonValueKind.Object when list.Field(RatingNames) is not null => Item(list),
            JsonValueKind.Object => list.EnumerateObject().SelectMany(property => AnswerName().Match(property.Name) is not { Success: true } name ? []
                : Ratings(int.TryParse(name.Groups[1].Value, out var number) ? number : -1, property.Value, property.Value.Fields(RatingNames).DefaultIfEmpty(property.Value))),
            _ => [],
        };

        IEnumerable<FoundRating> Item(JsonElement item) => Ratings(AnswerOf(item), item, item.Fields(RatingNames));

        // Twice the same is said once; two that differ are both found, and do not agree.
        IEnumerable<FoundRating> Ratings(int? answer, JsonElement item, IEnumerable<JsonElement> ratings) => ratings.Select(rating => Rating(answer, item, rating)).DistinctBy(rating => rating.Mark);

        FoundRating Rating(int? answer, JsonElement item, JsonElement rating) => new(answer, JsonFields.MarkOf(rating, scale), item.Rationale(), part.IsFragment ? "broken JSON"
            // What stands there may name the answer, in another way than ours.
            : item.HasOtherThan(RatingNames) ? "ratings with fields of another name, one of which may be the number of their answer" : null);
    }

    /// <summary>The number that an item gives its answer; null where it gives none, -1 where what it gives is no number of an answer.</summary>
    private static int? AnswerOf(JsonElement item)
    {
        if (item.Field(AnswerNames) is not { } name) return null;
        if (name.ValueKind == JsonValueKind.Number) return name.TryGetInt32(out var number) ? number : -1;
        return name.ValueKind == JsonValueKind.String && AnswerName().Match(name.GetString()!) is { Success: true } match
            && int.TryParse(match.Groups[1].Value, out var named) ? named : -1;
    }

    private static string Wanted(int count) => count == 1 ? "a rating of the one answer, answer 1" : $"one rating for each of the answers 1 to {count}";

    private static string Shown(double? value) => value is { } number ? FormattableString.Invariant($"{number}") : "N/A";

    private static Parsed<IReadOnlyList<Rating>> Bad(string problem) => Parsed<IReadOnlyList<Rating>>.Bad(problem);

    [GeneratedRegex(@"^\s*(?:answer|text|response|output)?[\s_#:-]*([0-9]{1,4})\s*$", RegexOptions.IgnoreCase)]
    private static partial Regex AnswerName();
}

/// <summary>A rating as it was found.</summary>
/// <param name="Answer">The number of its answer; null where it names none.</param>
/// <param name="Mark">The rating.</param>
/// <param name="Rationale">Why; empty where nothing is said.</param>
/// <param name="Doubt">Why its place among the others says nothing; null where it does.</param>
internal sealed record FoundRating(int? Answer, Mark Mark, string Rationale, string? Doubt = null);
