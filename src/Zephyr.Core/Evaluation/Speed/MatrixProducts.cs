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
    public static double Forward(MistralConfig config, LabelledBatch batch)
    {
        var pass = PassShape.Of(batch);
        return Layers(config, pass) + Head(config, pass);
    }

    /// <summary>The layers' part of a pass forward: 2 N for each of its tokens, N numbers in the linear maps of all layers, and 4 Q for each pair of a query and a key it sees (scores, and the mix of values), Q the width of all query heads.</summary>
    public static double Layers(MistralConfig config, PassShape pass)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(pass);
        var seen = pass.Sequences.Sum(sequence => (double)sequence.Length * sequence.Prefix + (double)sequence.Length * (sequence.Length + 1) / 2);
        var layer = Products(config).Sum(product => (double)product.In * product.Out);
        return 2 * config.NumHiddenLayers * (layer * pass.Tokens + 2 * seen * config.NumAttentionHeads * config.HeadDim);
    }

    /// <summary>The head's part: 2 V D for each label.</summary>
    public static double Head(MistralConfig config, PassShape pass)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(pass);
        return 2.0 * pass.Labels * config.HiddenSize * config.VocabSize;
    }

    /// <summary>Width in and out of a layer's linear maps.</summary>
    internal static IEnumerable<(long In, long Out)> Products(MistralConfig config)
    {
        long hidden = config.HiddenSize, inner = config.IntermediateSize;
        long queries = (long)config.NumAttentionHeads * config.HeadDim, keys = (long)config.NumKeyValueHeads * config.HeadDim;
        return [(hidden, queries), (hidden, keys), (hidden, keys), (queries, hidden), (hidden, inner), (hidden, inner), (inner, hidden)];
    }
}
