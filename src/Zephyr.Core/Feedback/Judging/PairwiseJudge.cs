using Zephyr.Runtime;

namespace Zephyr.Feedback.Judging;

/// <summary>Two answers compared in both orders. Verdicts are by the order in which the judge saw them.</summary>
/// <param name="Forward">The verdict where the first answer was A.</param>
/// <param name="Reversed">The verdict where the first answer was B.</param>
public sealed record PairJudgment(Judged<Verdict> Forward, Judged<Verdict> Reversed)
{
    /// <summary>What the first answer gets where it was A: 1 for a win, 0.5 for a tie, 0 for a loss; null where there is no verdict.</summary>
    public double? ForwardPoints => PointsOfA(Forward);

    /// <summary>What the first answer gets where it was B.</summary>
    public double? ReversedPoints => 1 - PointsOfA(Reversed);

    /// <summary>The mean over both orders; null where a verdict is missing: one order alone carries the judge's leaning to a place.</summary>
    public double? Points => (ForwardPoints + ReversedPoints) / 2;

    /// <summary>Whether both orders gave the same answer, or both a tie; null where a verdict is missing.</summary>
    public bool? IsConsistent => ForwardPoints is { } forward && ReversedPoints is { } reversed ? forward == reversed : null;

    /// <summary>Why there is no verdict in one of the orders; null where there are both.</summary>
    public string? Failure => Forward.Failure ?? Reversed.Failure;

    private static double? PointsOfA(Judged<Verdict> judged) => judged.Value?.Preference switch
    {
        Preference.A => 1,
        Preference.Tie => 0.5,
        Preference.B => 0,
        _ => null,
    };
}

/// <summary>Says which of two answers to a prompt is better. The same question is put with the answers in both orders.</summary>
public sealed class PairwiseJudge(Inquiry inquiry)
{
    /// <summary>Asks in both orders, at once.</summary>
    /// <param name="purpose">What the calls are for, unique to this comparison: "judge/pairwise/PROMPT_ID/1-2".</param>
    /// <param name="prompt">The prompt.</param>
    /// <param name="first">One answer.</param>
    /// <param name="second">The other one.</param>
    /// <param name="cancellation">Gives it up.</param>
    /// <exception cref="RunFailedException">The budget is spent, or the journal cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async Task<PairJudgment> Compare(string purpose, string prompt, string first, string second, CancellationToken cancellation)
    {
        var both = await Task.WhenAll(Questions(purpose, prompt, first, second).Select(question => inquiry.Ask(question, VerdictParser.Parse, cancellation))).ConfigureAwait(false);
        return new(both[0], both[1]);
    }

    /// <summary>The two questions: first as A, then first as B.</summary>
    internal IReadOnlyList<Question> Questions(string purpose, string prompt, string first, string second) =>
        [Prepare($"{purpose}/forward", prompt, first, second), Prepare($"{purpose}/reversed", prompt, second, first)];

    private Question Prepare(string purpose, string prompt, string a, string b)
    {
        var fence = Fence.Of(inquiry.Settings.Seed, prompt, a, b);
        return inquiry.Prepare(purpose, inquiry.Rubrics[RubricSet.Pairwise], AnswerForms.Verdict, fence, new()
        {
            ["prompt"] = fence.Around("REQUEST", prompt),
            ["answer_a"] = fence.Around("ANSWER A", a),
            ["answer_b"] = fence.Around("ANSWER B", b),
        });
    }
}
