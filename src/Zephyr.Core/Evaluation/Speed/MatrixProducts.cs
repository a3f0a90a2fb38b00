using Zephyr.Data.Batches;
using Zephyr.Model;

namespace Zephyr.Evaluation.Speed;

/// <summary>
/// Floating-point operations of the matrix products that training on given rows cannot do without: two for each multiplication and
/// addition, forward once and backward twice. Recomputation and padding are not counted, so a share of the machine's rate says what
/// useful work is done.
/// </summary>
public static class MatrixProducts
{
    /// <summary>Of one pass forward over sequences.</summary>
    /// <param name="config">The model.</param>
    /// <param name="sequences">Lengths, each attending to itself.</param>
    /// <param name="labels">Rows that meet the vocabulary.</param>
    public static double Forward(MistralConfig config, IEnumerable<int> sequences, long labels)
    {
        ArgumentNullException.ThrowIfNull(config);
        var layer = Products(config).Sum(product => (double)product.In * product.Out);
        var (tokens, pairs) = (0L, 0.0);
        foreach (var length in sequences)
        {
            tokens += length;
            pairs += length * (length + 1.0) / 2; // Each query with itself and its past.
        }
        var attention = 2 * pairs * config.NumAttentionHeads * config.HeadDim; // Scores, and the mix of values.
        return 2 * (config.NumHiddenLayers * (layer * tokens + attention) + (double)labels * config.HiddenSize * config.VocabSize);
    }

    /// <summary>Of one pass forward over a batch.</summary>
    public static double Forward(MistralConfig config, LabelledBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        return Forward(config, batch.Batch.Offsets.Zip(batch.Batch.Offsets.Skip(1), (start, end) => end - start), batch.LabelCount);
    }

    /// <summary>Width in and out of a layer's linear maps.</summary>
    internal static IEnumerable<(long In, long Out)> Products(MistralConfig config)
    {
        long hidden = config.HiddenSize, inner = config.IntermediateSize;
        long queries = (long)config.NumAttentionHeads * config.HeadDim, keys = (long)config.NumKeyValueHeads * config.HeadDim;
        return [(hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden), (hidden, inner), (hidden, inner), (inner, hidden)];
    }
}
