using System.Text.RegularExpressions;

namespace Zephyr.Feedback.Judging;

/// <summary>
/// Reads one score out of whatever a judge wrote: JSON, MT-Bench's <c>[[7]]</c>, or "Score: 8/10" at the beginning of a line or
/// sentence. All that is found must be the same number of the scale, or the answer is a failure.
/// </summary>
public static partial class ScoreParser
{
    private static readonly string[] Names = ["score", "overall_score", "overall score", "rating", "overall_rating", "grade"];

    /// <summary>The score.</summary>
    /// <param name="text">The judge's answer.</param>
    /// <param name="scale">The scores that it may give.</param>
    public static Parsed<Score> Parse(string text, RatingScale scale)
    {
        ArgumentNullException.ThrowIfNull(text);
        ArgumentNullException.ThrowIfNull(scale);
        var (reply, unread) = JudgeReply.Read(text);
        if (reply is null) return Bad($"{unread}, expected a score");
        var json = reply.Json.Where(part => !part.IsFragment).SelectMany(part => part.Root.Fields(Names), (part, field) => (part.Root, Field: field)).ToList();
        List<Mark> marks =
        [
            .. json.Select(part => JsonFields.MarkOf(part.Field, scale)),
            .. InBrackets().Matches(reply.Prose).Select(match => scale.Read(match.Groups[1].Value)),
            .. Labelled().Matches(reply.Prose).Select(match => scale.Read(SentenceOf(match.Groups[1].Value))),
        ];
        if (marks.Count == 0) return Bad($"found no score, expected {scale.Expected}");
        if (marks.FirstOrDefault(mark => mark.Unfit is not null || mark.Value is null) is { Unfit: { } } unfit) return Bad($"found the score {unfit.Unfit}, expected {scale.Expected}");
        var values = marks.Select(mark => mark.Value!.Value).Distinct().ToList();
        if (values.Count > 1) return Bad($"found the scores {string.Join(" and ", values.Select(value => FormattableString.Invariant($"{value}")))}, expected one");
        var critique = json.Select(part => part.Root.Rationale()).FirstOrDefault(said => said.Length > 0);
        return Parsed<Score>.Of(new(values[0], critique ?? (json.Count > 0 ? "" : ProseWithout(reply.Prose))));
    }

    /// <summary>A score ends where the next sentence begins: numbers in that one are another matter.</summary>
    private static string SentenceOf(string value) => SentenceEnd().Split(value, 2)[0];

    private static string ProseWithout(string prose) => LabelledLine().Replace(prose, "").Trim();

    private static Parsed<Score> Bad(string problem) => Parsed<Score>.Bad(problem);

    private const string Label = @"(?:(?:overall|final)\s+)?(?:score|rating|grade)";

    // What has no digit is no score: the verdict's [[A]], or the form itself, repeated.
    [GeneratedRegex(@"\[\[([^\[\]\n]*[0-9][^\[\]\n]*)\]\]")]
    private static partial Regex InBrackets();

    [GeneratedRegex($@"(?:(?:^|\n)[ \t*_#>`""'(\[-]*|[.!?;)]\s+){Label}[\s*_`""')\]]*[:=](?>[\s*_`""'(]*)(?!\[\[)([^\n]+)", RegexOptions.IgnoreCase)]
    private static partial Regex Labelled();

    [GeneratedRegex($@"(?:^|\n)[ \t*_#>`""'(\[-]*{Label}[\s*_`""')\]]*[:=][^\n]*", RegexOptions.IgnoreCase)]
    private static partial Regex LabelledLine();

    [GeneratedRegex(@"[.!?]\s+(?=[A-Z])")]
    private static partial Regex SentenceEnd();
}
