using Zephyr.Data.Batches;
using Zephyr.Model;

namespace Zephyr.Evaluation.Speed;

/// <summary>
/// Floating-point operations of the matrix products that training on given rows cannot do without: two for each multiplication and
/// addition, forward once and backward twice. Recomputation is not counted, so a share of the machine's rate says what
/// useful work is done.
/// </summary>
public static class MatrixProducts
{
    /// <summary>Of one pass forward over a batch: the layers' linear maps, each query with the keys it sees, and the labelled rows with the vocabulary.</summary>
    public static double Forward(MistralConfig config, LabelledBatch batch)
    {
        var (linear, attention) = Parts(config, batch);
        return linear + attention;
    }

    /// <summary>
    /// Of a pass forward and back: three times the forward pass where all weights learn. Where an adapter does, the linear maps need no gradient of their own, twice theirs is
    /// enough, and the adapter's two factors come with all three.
    /// </summary>
    /// <param name="config">The shape.</param>
    /// <param name="batch">The rows.</param>
    /// <param name="adapterParameters">How many numbers the adapter has; null where all weights learn.</param>
    public static double ForwardAndBack(MistralConfig config, LabelledBatch batch, long? adapterParameters)
    {
        var (linear, attention) = Parts(config, batch);
        return adapterParameters is { } learned ? 2 * linear + 3 * attention + 3 * 2.0 * learned * batch.Batch.TokenCount : 3 * (linear + attention);
    }

    private static (double Linear, double Attention) Parts(MistralConfig config, LabelledBatch batch)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(batch);
        var (ragged, seen) = (batch.Batch, 0.0);
        for (var n = 0; n < ragged.SequenceCount; n++)
        {
            double length = ragged.Offsets[n + 1] - ragged.Offsets[n];
            seen += length * (ragged.Prefixes?[n].Length ?? 0) + length * (length + 1) / 2;
        }
        var layer = Products(config).Sum(product => (double)product.In * product.Out);
        var attention = 2 * seen * config.NumAttentionHeads * config.HeadDim; // Scores, and the mix of values.
        return (2 * (config.NumHiddenLayers * layer * ragged.TokenCount + (double)batch.LabelCount * config.HiddenSize * config.VocabSize), 2 * config.NumHiddenLayers * attention);
    }

    /// <summary>Width in and out of a layer's linear maps.</summary>
    internal static IEnumerable<(long In, long Out)> Products(MistralConfig config)
    {
        long hidden = config.HiddenSize, inner = config.IntermediateSize;
        long queries = (long)config.NumAttentionHeads * config.HeadDim, keys = (long)config.NumKeyValueHeads * config.HeadDim;
        return [(hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden), (hidden, inner), (hidden, inner), (inner, hidden)];
    }
}
