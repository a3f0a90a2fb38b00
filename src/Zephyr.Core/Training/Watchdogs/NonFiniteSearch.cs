using Zephyr.Objectives;

namespace Zephyr.Training.Watchdogs;

/// <summary>
/// Finds the rows behind a step that is not finite by running each alone, once more: about the time of the step, and only where one goes wrong.
/// </summary>
/// <param name="objective">What is asked of the model.</param>
/// <param name="rows">The rows.</param>
/// <param name="accumulation">Runs them.</param>
/// <param name="clear">Forgets the gradients.</param>
/// <param name="names">Names rows.</param>
internal sealed class NonFiniteSearch<TExample>(
    IObjective<TExample> objective, IReadOnlyList<TExample> rows, StepAccumulation<TExample> accumulation, Action clear, RowNames names)
{
    /// <summary>A clause that names the rows. Gradients are forgotten.</summary>
    public string Describe(StepSums sums)
    {
        // Where a micro-batch has given itself away by its loss, the others need no second look.
        List<int[]> poisoned = [.. sums.MicroBatches.Where((_, i) => !double.IsFinite(sums.Losses[i]))];
        int[] suspects = [.. (poisoned.Count > 0 ? poisoned : sums.MicroBatches).SelectMany(batch => batch)];
        List<int> guilty = [.. suspects.Where(row => objective.WeightsOf(rows[row])[0] > 0 && !IsFiniteAlone(row, sums.Weights))];
        if (guilty.Count == 0) return $"none of its rows gives that alone: {names.Of(suspects)}";
        return guilty.Count == sums.Rows.Count && guilty.Count > 1
            ? $"each of its rows gives that alone, so it is rather the weights than a row: {names.Of(guilty)}"
            : $"{(guilty.Count == 1 ? "a row that gives" : "rows that give")} that alone: {names.Of(guilty)}";
    }

    private bool IsFiniteAlone(int row, IReadOnlyList<double> weights)
    {
        clear();
        var alone = accumulation.Run([[row]], weights: weights);
        clear();
        return alone.IsFinite;
    }
}
