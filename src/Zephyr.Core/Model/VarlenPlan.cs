using Zephyr.Data.Batches;

namespace Zephyr.Model;

/// <summary>
/// A ragged batch as a kernel for sequences of any length wants it told: where each one's queries and keys begin, and how far back a query sees. Where a
/// sequence has fewer queries than keys the kernel lets its last query see its last key, as a prefix needs it.
/// </summary>
/// <param name="QueryOffsets">[N + 1]</param>
/// <param name="KeyOffsets">[N + 1]; the same where no sequence has a prefix.</param>
/// <param name="KeyRows">The rows of the batch that the keys are, prefix before own, sequence after sequence; null where they are all of its rows in their order.</param>
/// <param name="MostQueries">Of a sequence.</param>
/// <param name="MostKeys">Of a sequence.</param>
/// <param name="WindowLeft">How many keys before its own place a query sees; -1 for all.</param>
internal sealed record VarlenPlan(int[] QueryOffsets, int[] KeyOffsets, int[]? KeyRows, int MostQueries, int MostKeys, int WindowLeft)
{
    /// <param name="batch">The sequences.</param>
    /// <param name="window">The most keys that a query sees, its own among them; null for all before it.</param>
    public static VarlenPlan Of(RaggedBatch batch, int? window)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var queries = batch.Offsets;
        var (mostQueries, mostKeys) = (0, 0);
        var keys = new int[queries.Length];
        List<int> rows = [];
        for (var n = 0; n < batch.SequenceCount; n++)
        {
            var (length, prefix) = (queries[n + 1] - queries[n], batch.Prefixes?[n] ?? default);
            keys[n + 1] = keys[n] + prefix.Length + length;
            (mostQueries, mostKeys) = (Math.Max(mostQueries, length), Math.Max(mostKeys, prefix.Length + length));
            rows.AddRange(Enumerable.Range(prefix.Start, prefix.Length));
            rows.AddRange(Enumerable.Range(queries[n], length));
        }
        var own = keys[^1] == queries[^1];
        return new(queries, own ? queries : keys, own ? null : [.. rows], mostQueries, mostKeys, mostKeys > window ? window.Value - 1 : -1);
    }
}
