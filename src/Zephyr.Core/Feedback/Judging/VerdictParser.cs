using System.Text.Json;
using System.Text.RegularExpressions;

namespace Zephyr.Feedback.Judging;

/// <summary>
/// Reads which of two answers is better: JSON, MT-Bench's <c>[[A]]</c>, <c>[[B]]</c>, <c>[[C]]</c> for a tie, or "Verdict: A" on a
/// line. All that is found must agree, or the answer is a failure.
/// </summary>
public static partial class VerdictParser
{
    private const string Expected = "a verdict: A, B or tie";
    private static readonly string[] Names = ["verdict", "winner", "preference", "better", "choice"];

    /// <summary>The verdict.</summary>
    /// <param name="text">The judge's answer.</param>
    public static Parsed<Verdict> Parse(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var (reply, unread) = JudgeReply.Read(text);
        if (reply is null) return Parsed<Verdict>.Bad($"{unread}, expected {Expected}");
        var json = reply.Json.Where(part => !part.IsFragment).SelectMany(part => part.Root.Fields(Names), (part, field) => (part.Root, Field: field)).ToList();
        List<(Preference? Side, string Shown)> found =
        [
            .. json.Select(part => part.Field.ValueKind == JsonValueKind.String ? Side(part.Field.GetString()!) : (null, part.Field.GetRawText())),
            .. InBrackets().Matches(reply.Prose).Select(match => Side(match.Groups[1].Value)),
            .. Labelled().Matches(reply.Prose).Select(match => Side(match.Groups[1].Value)),
        ];
        if (found.Count == 0) return Parsed<Verdict>.Bad($"found no verdict, expected {Expected}");
        if (found.FirstOrDefault(one => one.Side is null) is { Shown: { } shown }) return Parsed<Verdict>.Bad($"found the verdict \"{(shown.Length <= 40 ? shown : shown[..37] + "...")}\", expected {Expected}");
        var sides = found.Select(one => one.Side!.Value).Distinct().ToList();
        if (sides.Count > 1) return Parsed<Verdict>.Bad($"found the verdicts {string.Join(" and ", sides)}, expected one");
        var rationale = json.Select(part => part.Root.Rationale()).FirstOrDefault(said => said.Length > 0);
        return Parsed<Verdict>.Of(new(sides[0], rationale ?? (json.Count > 0 ? "" : reply.Prose.Trim())));
    }

    private static (Preference? Side, string Shown) Side(string text)
    {
        var name = Decoration().Replace(text, "").ToLowerInvariant();
        return (name switch
        {
            "a" or "answer a" or "assistant a" or "response a" => Preference.A,
            "b" or "answer b" or "assistant b" or "response b" => Preference.B,
            "c" or "tie" or "draw" or "neither" or "equal" => Preference.Tie,
            _ => null,
        }, text.Trim());
    }

    [GeneratedRegex(@"\[\[\s*([A-Za-z][A-Za-z ]{0,20}?)\s*\]\]")]
    private static partial Regex InBrackets();

    [GeneratedRegex(@"(?:^|\n)[ \t*_#>`""'(-]*(?:(?:final|my)\s+)?(?:verdict|winner)[\s*_`""')]*(?:[:=]|\bis\b)(?>[\s*_`""':(]*)(?!\[\[)([^\n]+)", RegexOptions.IgnoreCase)]
    private static partial Regex Labelled();

    [GeneratedRegex(@"^[\s*_`""'(\[]+|[\s*_`""'.!)\]]+$")]
    private static partial Regex Decoration();
}
