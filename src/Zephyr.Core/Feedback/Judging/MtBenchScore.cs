using System.Globalization;
using System.Text.RegularExpressions;

namespace Zephyr.Feedback.Judging;

/// <summary>
/// The score of a recorded judgment exactly as MT-Bench's own program reads it, to reproduce published figures: the first
/// <c>[[7]]</c> of the text, else the first <c>[7]</c>, whatever else it says. That takes the 0 of <c>list[0]</c> for a score, and the
/// first of two that differ: judgments of our own are read by <see cref="ScoreParser"/>.
/// </summary>
public static partial class MtBenchScore
{
    /// <summary>The score; null where MT-Bench records -1.</summary>
    public static double? Of(string judgment) =>
        new[] { Double().Match(judgment), Single().Match(judgment) }.FirstOrDefault(match => match.Success) is { } found
            ? double.Parse(found.Groups[1].Value, CultureInfo.InvariantCulture)
            : null;

    [GeneratedRegex(@"\[\[([0-9]+\.?[0-9]*)\]\]")]
    private static partial Regex Double();

    [GeneratedRegex(@"\[([0-9]+\.?[0-9]*)\]")]
    private static partial Regex Single();
}
