using Zephyr.Evaluation.Memory;
using Zephyr.Model;

namespace Zephyr.Evaluation.Speed;

/// <summary>Operations of passes forward, by what they are for.</summary>
/// <param name="Linear">2 N for each token, N numbers in the linear maps of all layers.</param>
/// <param name="Attention">4 Q in each layer for each pair of a query and a key it sees (scores, and the mix of values), Q the width of all query heads.</param>
/// <param name="Head">2 V D for each label.</param>
/// <param name="Tokens">How many there are.</param>
public readonly record struct ForwardCost(double Linear, double Attention, double Head, double Tokens)
{
    /// <summary>The layers' part.</summary>
    public double Layers => Linear + Attention;

    /// <summary>All of it.</summary>
    public double Total => Linear + Attention + Head;

    /// <summary>
    /// Forward and back: three times the pass forward where all weights learn. Where an adapter does, the linear maps need no gradient of their own, twice theirs is
    /// enough, and the adapter's two factors come with all three.
    /// </summary>
    /// <param name="adapterParameters">How many numbers the adapter has; null where all weights learn.</param>
    public double AndBack(long? adapterParameters) =>
        adapterParameters is { } learned ? 2 * (Linear + Head) + 3 * Attention + 6.0 * learned * Tokens : 3 * Total;

    /// <summary>Of one pass.</summary>
    public static ForwardCost Of(MistralConfig config, PassShape pass)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(pass);
        var seen = pass.Sequences.Sum(sequence => (double)sequence.Length * sequence.Prefix + (double)sequence.Length * (sequence.Length + 1) / 2);
        var layer = MatrixProducts.Products(config).Sum(product => (double)product.In * product.Out);
        return new(2 * config.NumHiddenLayers * layer * pass.Tokens, 4 * config.NumHiddenLayers * seen * config.NumAttentionHeads * config.HeadDim,
            2.0 * pass.Labels * config.HiddenSize * config.VocabSize, pass.Tokens);
    }

    /// <summary>Of rows one by one: how they are divided into micro-batches changes nothing.</summary>
    public static ForwardCost Of(MistralConfig config, IEnumerable<MicroBatchShape> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var sum = new ForwardCost();
        foreach (var pass in rows.SelectMany(row => row.Passes))
        {
            var one = Of(config, pass);
            sum = new(sum.Linear + one.Linear, sum.Attention + one.Attention, sum.Head + one.Head, sum.Tokens + one.Tokens);
        }
        return sum;
    }
}
