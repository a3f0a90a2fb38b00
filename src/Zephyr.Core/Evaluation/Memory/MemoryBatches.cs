using Zephyr.Objectives;

namespace Zephyr.Evaluation.Memory;

/// <summary>The batches that a run's memory goes by, for each way to lay out pairs.</summary>
/// <param name="Largest">The micro-batch of the most tokens.</param>
/// <param name="Longest">The row of the most tokens by itself: what a smaller micro-batch can come to.</param>
/// <param name="Evaluation">The largest batch of held-out rows; null where there are none.</param>
/// <param name="LongestHeld">The longest of them by itself.</param>
public sealed record MemoryBatches(Func<PairLayoutKind, MicroBatchShape> Largest, Func<PairLayoutKind, MicroBatchShape> Longest,
    Func<PairLayoutKind, MicroBatchShape?> Evaluation, Func<PairLayoutKind, MicroBatchShape?> LongestHeld)
{
    /// <summary>From the rows of these batches.</summary>
    public static MemoryBatches Of<T>(IReadOnlyList<T> largest, T longest, IReadOnlyList<T> evaluation, IReadOnlyList<T> longestHeld, Func<IReadOnlyList<T>, PairLayoutKind, MicroBatchShape> shapeOf)
    {
        ArgumentNullException.ThrowIfNull(evaluation);
        MicroBatchShape? Shaped(IReadOnlyList<T> rows, PairLayoutKind layout) => rows.Count == 0 ? null : shapeOf(rows, layout);
        return new(layout => shapeOf(largest, layout), layout => shapeOf([longest], layout), layout => Shaped(evaluation, layout), layout => Shaped(longestHeld, layout));
    }
}
