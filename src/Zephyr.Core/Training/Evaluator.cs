using Zephyr.Objectives;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>An objective's means over held-out rows, in their order, without gradients.</summary>
public static class Evaluator
{
    /// <param name="objective">What is measured.</param>
    /// <param name="examples">Held-out rows; at least one.</param>
    /// <param name="batchSize">Rows in a forward pass. It does not change the result beyond rounding.</param>
    /// <param name="cancellation">Ends the evaluation early.</param>
    /// <param name="prefix">Goes before every name.</param>
    /// <param name="maxTokens">The most tokens in a forward pass; 0 for no limit. It does not change the result either.</param>
    /// <returns>The mean of each of the objective's metrics over all rows.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static IReadOnlyDictionary<string, double> Run<TExample>(
        IObjective<TExample> objective, IReadOnlyList<TExample> examples, int batchSize, CancellationToken cancellation, string prefix = "",
        int maxTokens = 0)
    {
        var totals = objective.TotalsOf(examples);
        var tally = new MetricTally(objective.MetricNames);
        foreach (var batch in new TokenLimit<TExample>(maxTokens, objective.TokensAtOnce).BatchesInOrder(examples, batchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var sums = objective.Evaluate(batch, totals).to_type(ScalarType.Float64).cpu();
            tally.Add(sums.data<double>().ToArray(), objective.TotalsOf(batch));
        }
        return tally.Means(prefix);
    }
}
