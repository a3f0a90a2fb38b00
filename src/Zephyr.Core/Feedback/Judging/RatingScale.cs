using System.Globalization;
using System.Text.RegularExpressions;

namespace Zephyr.Feedback.Judging;

/// <summary>The numbers that a judge may give.</summary>
/// <param name="Least">The lowest.</param>
/// <param name="Most">The highest.</param>
/// <param name="WholeOnly">Whether 3.5 is none of them.</param>
/// <param name="AllowsNone">Whether "N/A" is an answer.</param>
public sealed partial record RatingScale(int Least, int Most, bool WholeOnly, bool AllowsNone)
{
    /// <summary>An aspect's: whole numbers from 1 to 5, or "N/A".</summary>
    public static RatingScale Aspect { get; } = new(1, 5, WholeOnly: true, AllowsNone: true);

    /// <summary>An overall score's, and MT-Bench's: from 1 to 10.</summary>
    public static RatingScale Overall { get; } = new(1, 10, WholeOnly: false, AllowsNone: false);

    /// <summary>"a whole number from 1 to 5 or N/A".</summary>
    public string Expected => $"a {(WholeOnly ? "whole " : "")}number from {Least} to {Most}{(AllowsNone ? " or N/A" : "")}";

    /// <summary>Whether a number is one of the scale's.</summary>
    public bool Holds(double value) => value >= Least && value <= Most && (!WholeOnly || value == Math.Floor(value));

    /// <summary>
    /// Reads what stands behind "Rating:": a number, with "/5" or "out of 5" behind it or not, or N/A. It must be the only
    /// number there: of "4-5" or "4, or rather 3" none is the judge's rating.
    /// </summary>
    /// <param name="text">The rest of the line.</param>
    internal Mark Read(string text)
    {
        text = RationaleLabel().Split(text, 2)[0];
        if (None().Match(text) is { Success: true } none)
            return !AllowsNone ? Mark.Bad("N/A") : none.Groups["rest"].Value.Any(char.IsNumber) ? Mark.Bad(Shown(text)) : Mark.None;
        if (Number().Match(text) is not { Success: true } match || match.Groups["rest"].Value.Any(char.IsNumber)) return Mark.Bad(Shown(text));
        if (match.Groups["most"] is { Success: true } most && most.Value != $"{Most}") return Mark.Bad(Shown(text));
        return Of(double.Parse(match.Groups["value"].Value, CultureInfo.InvariantCulture));
    }

    /// <summary>A number as a mark of this scale.</summary>
    internal Mark Of(double value) => Holds(value) ? new(value, null) : Mark.Bad(value.ToString("R", CultureInfo.InvariantCulture));

    private static string Shown(string text)
    {
        var line = text.ReplaceLineEndings(" ").Trim();
        return $"\"{(line.Length <= 40 ? line : line[..37] + "...")}\"";
    }

    [GeneratedRegex(@"\b(?:rationale|reason(?:ing)?|explanation|justification)\b", RegexOptions.IgnoreCase)]
    private static partial Regex RationaleLabel();

    [GeneratedRegex(@"^[\s*_`""'\[(]*(?:n/a|na|not applicable)(?![A-Za-z0-9])(?<rest>.*)$", RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex None();

    [GeneratedRegex(@"^[\s*_`""'\[(]*(?<value>[-+]?[0-9]{1,9}(?:\.[0-9]{1,9})?)(?![0-9A-Za-z%]|\.[0-9])(?:[\s*_`""'\])]*(?:/|out\s+of)\s*(?<most>[0-9]+)(?![0-9A-Za-z%]|\.[0-9]))?(?<rest>.*)$", RegexOptions.IgnoreCase | RegexOptions.Singleline)]
    private static partial Regex Number();
}

/// <summary>What was read as a rating.</summary>
/// <param name="Value">The number; null for N/A, and where it is none.</param>
/// <param name="Unfit">What stood there, where it is no rating of the scale.</param>
internal readonly record struct Mark(double? Value, string? Unfit)
{
    public static Mark None => default;

    public static Mark Bad(string shown) => new(null, shown);
}
