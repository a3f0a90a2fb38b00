using System.Text.RegularExpressions;

namespace Zephyr.Feedback.Judging;

/// <summary>
/// Ratings in prose, line by line: a heading that is nothing but an answer's name, "Rating: 4" below it, "Rationale: ..." below
/// that; or "Answer 2: 4" on one line. A line that only begins with an answer's name is no heading: it speaks about that answer.
/// </summary>
internal static partial class RatingBlocks
{
    // Longer lines are prose: labels are looked for in time that grows with the square of a line.
    private const int LongestLabel = 2_000;

    /// <summary>The ratings in their order.</summary>
    public static List<FoundRating> Read(string prose, RatingScale scale)
    {
        string[] lines = prose.ReplaceLineEndings("\n").Split('\n');
        var found = new List<FoundRating>();
        var (text, before) = (new List<string>(), ReasonsFirst(lines));
        int? current = null;
        foreach (var line in lines)
        {
            var rating = line.Length > LongestLabel ? null : Rated(line, current, scale);
            var heading = rating is null && line.Length <= LongestLabel ? Heading().Match(line) : Match.Empty;
            if (rating is null && !heading.Success)
            {
                text.Add(RationaleLabel().Replace(line, "").Trim());
                continue;
            }
            // What stood until here belongs to the rating before it, or to this one where judges reason first.
            if (!before) Explain(found, text);
            if (rating is not null) found.Add(rating);
            if (rating is not null && before) Explain(found, text);
            if (heading.Success) current = NumberOf(heading);
            text.Clear();
            if (RationaleInLine().Match(line) is { Success: true } same) text.Add(same.Groups["text"].Value.Trim());
        }
        if (!before) Explain(found, text);
        return found.Count < 2 || EachWithItsReason(lines) && !lines.Any(MayBeHeading) ? found
            : found.ConvertAll(rating => rating with { Doubt = "ratings without the number of their answer and not each with its rationale" });
    }

    /// <summary>
    /// Whether ratings and reasons alternate, one reason a rating. Only then ratings that name no answer are taken by their order: a judge
    /// that forgets one and gives another one twice would else have rated the wrong answers.
    /// </summary>
    private static bool EachWithItsReason(string[] lines)
    {
        var order = string.Concat(lines.Select(line => line.Length <= LongestLabel && RatingLine().IsMatch(line) ? RationaleInLine().IsMatch(line) ? "RW" : "R" : RationaleLabel().IsMatch(line) ? "W" : ""));
        return order.Length > 0 && order.Length % 2 == 0 && order[0] != order[1] && order.Chunk(2).All(pair => pair[0] == order[0] && pair[1] == order[1]);
    }

    private static void Explain(List<FoundRating> found, List<string> text)
    {
        if (found.Count > 0 && found[^1].Rationale.Length == 0) found[^1] = found[^1] with { Rationale = string.Join(' ', text.Where(line => line.Length > 0)) };
    }

    private static bool ReasonsFirst(string[] lines)
    {
        var reason = Array.FindIndex(lines, line => RationaleLabel().IsMatch(line));
        return reason >= 0 && Array.FindIndex(lines, line => line.Length <= LongestLabel && RatingLine().IsMatch(line)) > reason;
    }

    /// <summary>A short line with a number that is neither a rating nor a reason: what if it was to name an answer?</summary>
    private static bool MayBeHeading(string line) =>
        line.Length <= 80 && line.Any(char.IsAsciiDigit) && !RatingLine().IsMatch(line) && !RationaleLabel().IsMatch(line);

    private static FoundRating? Rated(string line, int? current, RatingScale scale)
    {
        if (RatingLine().Match(line) is { Success: true } rating)
            return new(rating.Groups["number"].Success ? NumberOf(rating) : current, scale.Read(rating.Groups["value"].Value), "");
        // Here the number alone says that it is a rating, so that it must be one.
        return ShortLine().Match(line) is { Success: true } pair && scale.Read(pair.Groups["value"].Value) is { Unfit: null } mark
            ? new(NumberOf(pair), mark, "")
            : null;
    }

    private static int NumberOf(Match match) => int.TryParse(match.Groups["number"].Value, out var number) ? number : -1;

    private const string Mark = @"[\s*_#>`""'(\[-]*", Name = @"(?:answer|text|response|output)\s*\#?\s*(?<number>[0-9]{1,4})", Close = @"[\s*_`""')\]]*";

    [GeneratedRegex($@"^{Mark}(?:(?:output|evaluation|rating|judgment|assessment|feedback)\s+(?:for|of)\s+)?{Name}{Close}[:.]?{Close}$", RegexOptions.IgnoreCase)]
    private static partial Regex Heading();

    [GeneratedRegex($@"^{Mark}(?:(?<number>[0-9]{{1,4}})[.)]\s+{Mark})?(?:(?:{Name}{Close}[:,.-]?{Mark})?(?:overall\s+)?(?:rating|score)|(?:rating|score)\s+(?:for|of)\s+{Name}){Close}[:=]{Close}(?<value>.+)$", RegexOptions.IgnoreCase)]
    private static partial Regex RatingLine();

    [GeneratedRegex($@"^{Mark}{Name}{Close}[:=]{Close}(?<value>(?:[0-9]+(?:\.[0-9]+)?(?:\s*/\s*[0-9]+)?|n/a){Close}(?:$|[,;.:(|-].*|\s[–—-]\s.*))$", RegexOptions.IgnoreCase)]
    private static partial Regex ShortLine();

    [GeneratedRegex(@"\b(?:rationale|reason(?:ing)?|explanation|justification)[*_\s]*[:=](?<text>.*)$", RegexOptions.IgnoreCase)]
    private static partial Regex RationaleInLine();

    [GeneratedRegex(@"^[\s*_#>`-]*(?:rationale|reason(?:ing)?|explanation|justification)[*_\s]*[:=][*_\s]*", RegexOptions.IgnoreCase)]
    private static partial Regex RationaleLabel();
}
