using Zephyr.Data.Batches;

namespace Zephyr.Pipeline;

/// <summary>The training and the held-out rows of a stage, streamed: no side is held in memory as text.</summary>
internal static class StageRows
{
    /// <param name="read">Reads rows from files.</param>
    /// <param name="trainFiles">The training rows.</param>
    /// <param name="heldFiles">Held-out rows of their own; empty for none.</param>
    /// <param name="promptOf">What a held-out row may not share with a training one.</param>
    /// <param name="fraction">Share of the training prompts to hold out; 0 for none.</param>
    /// <param name="seed">The run's seed.</param>
    /// <returns>Both sides; no held-out one where none was asked for.</returns>
    public static (IEnumerable<T> Train, IEnumerable<T>? Held) Split<T>(Func<IReadOnlyList<string>, IEnumerable<T>> read,
        IReadOnlyList<string> trainFiles, IReadOnlyList<string> heldFiles, Func<T, string> promptOf, double fraction, long seed)
    {
        if (heldFiles.Count > 0) return (read(trainFiles), read(heldFiles));
        if (fraction == 0) return (read(trainFiles), null);
        return HeldOutSplit.Split(read(trainFiles), promptOf, fraction, seed);
    }
}
