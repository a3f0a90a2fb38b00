using Zephyr.Data.Batches;
using Zephyr.Evaluation.Memory;
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
    public static double Forward(MistralConfig config, LabelledBatch batch) => ForwardCost.Of(config, PassShape.Of(batch)).Total;

    /// <summary>Of a pass forward and back.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="batch">The rows.</param>
    /// <param name="adapterParameters">How many numbers the adapter has; null where all weights learn.</param>
    public static double ForwardAndBack(MistralConfig config, LabelledBatch batch, long? adapterParameters) => ForwardCost.Of(config, PassShape.Of(batch)).AndBack(adapterParameters);

    /// <summary>Width in and out of a layer's linear maps.</summary>
    internal static IEnumerable<(long In, long Out)> Products(MistralConfig config)
    {
        long hidden = config.HiddenSize, inner = config.IntermediateSize;
        long queries = (long)config.NumAttentionHeads * config.HeadDim, keys = (long)config.NumKeyValueHeads * config.HeadDim;
        return [(hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden), (hidden, inner), (hidden, inner), (inner, hidden)];
    }
}
