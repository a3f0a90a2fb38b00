namespace Zephyr.Feedback.Judging;

/// <summary>What was read from a judge's answer: a judgment, or what is wrong with it.</summary>
/// <param name="Value">The judgment; null where there is a <paramref name="Problem"/>.</param>
/// <param name="Problem">What was found and what was expected, without a full stop; null where there is a judgment.</param>
public readonly record struct Parsed<T>(T? Value, string? Problem) where T : class
{
    internal static Parsed<T> Of(T value) => new(value, null);

    internal static Parsed<T> Bad(string problem) => new(null, problem);
}

/// <summary>One rating of an answer.</summary>
/// <param name="Value">In the scale's units; null where the judge said that there is none to give ("N/A").</param>
/// <param name="Rationale">Why, in the judge's words; empty where it did not say.</param>
public sealed record Rating(double? Value, string Rationale);

/// <summary>A score of one answer.</summary>
/// <param name="Value">In the scale's units.</param>
/// <param name="Critique">Why, in the judge's words; empty where it did not say.</param>
public sealed record Score(double Value, string Critique);

/// <summary>Which of two answers is better.</summary>
public enum Preference
{
    /// <summary>The first.</summary>
    A,

    /// <summary>The second.</summary>
    B,

    /// <summary>Neither.</summary>
    Tie,
}

/// <summary>A verdict on two answers.</summary>
/// <param name="Preference">Which one is better, by the order in which the judge saw them.</param>
/// <param name="Rationale">Why, in the judge's words; empty where it did not say.</param>
public sealed record Verdict(Preference Preference, string Rationale);
