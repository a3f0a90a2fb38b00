using static TorchSharp.torch;

namespace Zephyr.Objectives;

/// <summary>
/// What training asks of the model. One training loop serves every objective (decision 4): a micro-batch returns sums and a
/// weight, and only the step as a whole is divided, so accumulation and ragged batches give the large-batch result exactly.
/// </summary>
/// <typeparam name="TExample">A tokenized row.</typeparam>
public interface IObjective<in TExample>
{
    /// <summary>Names of the metrics, the loss first.</summary>
    IReadOnlyList<string> MetricNames { get; }

    /// <summary>
    /// What a row counts for in the mean of each metric, the loss first: its labels (SFT), one (a pair), the tokens of its answer. A pure
    /// function of the row.
    /// </summary>
    IReadOnlyList<double> WeightsOf(TExample example);

    /// <summary>Tokens run through the policy for a row.</summary>
    int TokensOf(TExample example);

    /// <summary>
    /// Tokens of a row whose activations are in memory together, which max_tokens_per_batch bounds. Unlike <see cref="TokensOf"/>, a figure
    /// of the run that is the same however rows are laid out, this depends on the layout.
    /// </summary>
    int TokensAtOnce(TExample example);

    /// <summary>The metrics' sums over a micro-batch, without gradients.</summary>
    /// <param name="examples">The micro-batch.</param>
    /// <param name="totals">The metrics' weights over all that is averaged: the step, or the evaluation.</param>
    /// <returns>[M] fp32, in the order of <see cref="MetricNames"/>; divided by the weights they are means.</returns>
    Tensor Evaluate(IReadOnlyList<TExample> examples, IReadOnlyList<double> totals);

    /// <summary>The same, and adds d(loss sum) / d(parameters) to the gradients.</summary>
    /// <returns>[M] fp32 sums.</returns>
    Tensor AccumulateGradients(IReadOnlyList<TExample> examples, IReadOnlyList<double> totals);
}

/// <summary>What every objective's weights allow.</summary>
public static class ObjectiveWeights
{
    /// <summary>The sums of the rows' weights, for each metric.</summary>
    public static IReadOnlyList<double> TotalsOf<TExample>(this IObjective<TExample> objective, IEnumerable<TExample> examples)
    {
        ArgumentNullException.ThrowIfNull(objective);
        ArgumentNullException.ThrowIfNull(examples);
        var totals = new double[objective.MetricNames.Count];
        foreach (var example in examples)
        {
            var weights = objective.WeightsOf(example);
            for (var i = 0; i < totals.Length; i++) totals[i] += weights[i];
        }
        return totals;
    }
}
