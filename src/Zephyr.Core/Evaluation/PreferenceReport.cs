using Zephyr.Evaluation.Statistics;

namespace Zephyr.Evaluation;

/// <summary>
/// How a model prefers one answer to another. Of a pair, h is log pi(chosen)/pi_ref(chosen) - log pi(rejected)/pi_ref(rejected), or without a reference
/// log pi(chosen) - log pi(rejected); P(chosen preferred) = σ(β h), as DPO has it. Intervals are the bootstrap's over pairs.
/// </summary>
/// <param name="Name">"all", or the source.</param>
/// <param name="Pairs">Pairs.</param>
/// <param name="Accuracy">The share with h &gt; 0: TRL's rewards/accuracies.</param>
/// <param name="Margin">Mean β h: TRL's rewards/margins.</param>
/// <param name="ChosenReward">Mean β log pi(chosen)/pi_ref(chosen).</param>
/// <param name="RejectedReward">The same of the rejected answers.</param>
/// <param name="Loss">Mean -ln σ(β h): DPO's loss.</param>
/// <param name="PerTokenAccuracy">The share in which the chosen answer has the higher log-probability a token, without the reference: it does not go with the length.</param>
/// <param name="Ties">Pairs with h = 0.</param>
/// <param name="CutPairs">Pairs that lost tokens to the greatest lengths.</param>
/// <param name="Calibration">How sure the model is, and how right.</param>
public sealed record PreferenceFigures(
    string Name, int Pairs, Estimate Accuracy, Estimate Margin, double ChosenReward, double RejectedReward, double Loss, Estimate PerTokenAccuracy, int Ties, int CutPairs, Calibration Calibration)
{
    /// <summary>The figures of some pairs.</summary>
    /// <param name="name">Whose they are.</param>
    /// <param name="scores">At least one.</param>
    /// <param name="beta">β.</param>
    /// <param name="bins">Bins of the reliability table.</param>
    /// <param name="bootstrap">Draws the samples for the intervals.</param>
    public static PreferenceFigures Of(string name, IReadOnlyList<PairScore> scores, double beta, int bins, Bootstrap bootstrap)
    {
        double[] logits = [.. scores.Select(score => beta * score.Difference)];
        return new(name, scores.Count,
            bootstrap.OfMean([.. logits.Select(logit => logit > 0 ? 1.0 : 0)]), bootstrap.OfMean(logits),
            scores.Average(score => beta * (score.Chosen - score.ReferenceChosen)), scores.Average(score => beta * (score.Rejected - score.ReferenceRejected)),
            logits.Average(logit => -Logistic.LogOf(logit)),
            bootstrap.OfMean([.. scores.Select(score => score.DifferencePerToken > 0 ? 1.0 : 0)]),
            logits.Count(logit => logit == 0), scores.Count(score => score.IsCut), Calibration.Of(logits, bins));
    }
}

/// <summary>How a model prefers one answer to another.</summary>
/// <param name="HasReference">Whether there is a reference.</param>
/// <param name="Beta">β.</param>
/// <param name="All">All pairs.</param>
/// <param name="Sources">The same by source, in ordinal order; none where no column was named.</param>
public sealed record PreferenceReport(bool HasReference, double Beta, PreferenceFigures All, IReadOnlyList<PreferenceFigures> Sources);
