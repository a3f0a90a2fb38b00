using Zephyr.Model;

namespace Zephyr.Evaluation.Memory;

/// <summary>
/// What a decoder layer takes, in bytes, by counting the tensors of <c>DecoderLayer</c>, <c>Attention</c> and <c>FeedForward</c> in the order in which they come and go there.
/// T rows; D hidden size, F feed-forward size, Q = query heads x head width, K = key heads x head width, H query heads; w bytes of a number (4, or 2 in bf16). Norms are
/// computed in fp32 whatever w is.
/// </summary>
/// <param name="shape">The model.</param>
/// <param name="width">w.</param>
/// <param name="learns">What learns in it.</param>
internal sealed class LayerMemory(MistralConfig shape, int width, LayerLearning learns)
{
    private readonly long _d = shape.HiddenSize, _f = shape.IntermediateSize, _h = shape.NumAttentionHeads, _w = width;

    /// <summary>Tensors of w T F that an adapter of the layer's last map has beside it while it is dropped from: the mask and what it leaves.</summary>
    private readonly long _dropped = learns.DropsLast ? 2 : 0;

    private readonly long _q = (long)shape.NumAttentionHeads * shape.HeadDim, _k = (long)shape.NumKeyValueHeads * shape.HeadDim;

    /// <summary>The residual stream: w T D.</summary>
    public long Stream(long tokens) => _w * tokens * _d;

    /// <summary>
    /// What a layer leaves for its way back: w T (2 D + 2 Q + 2 K + 2 F) for its input, what attention made of it with the residual, queries, what they attended to, keys, values, gate and
    /// up; 4 T (2 + H) for the scales of two norms and the sums of the softmax; and for every sequence behind a prefix w (prefix + length) 2 K, as its keys and values are laid together with the prefix's.
    /// </summary>
    public long Kept(PassShape pass) => pass.Tokens * (_w * 2 * (_d + _q + _k + _f) + 4 * (2 + _h)) + Joined(pass);

    /// <summary>
    /// Comes on top at the end of a layer that leaves something, and goes with it: two norms, queries and keys before they were turned, w T (Q + K), what was attended to as rows, w T Q, and the
    /// feed-forward layer's product, w T F; where an adapter of the last map drops from that, twice more. The layer's output is not among it.
    /// </summary>
    public long Recorded(PassShape pass) => pass.Tokens * (2 * Norm + _w * (2 * _q + _k + (1 + _dropped) * _f));

    /// <summary>
    /// The same of a layer that leaves nothing (a reference, an evaluation, or one that will be run again): two norms, all of w T (2 Q + 3 K) before and after turning, w T 2 Q attended to and as rows,
    /// w T 2 D of attention without and with the residual, w T 3 F, and w T D before the last residual.
    /// </summary>
    public long Unrecorded(PassShape pass) => pass.Tokens * (2 * Norm + _w * (4 * _q + 3 * _k + 3 * _d + (3 + _dropped) * _f)) + Joined(pass);

    /// <summary>Comes on top while a layer goes back, beside what it left and the gradient of its output, which becomes its input's in place: the largest of its stages.</summary>
    public long Backward(PassShape pass) => new[] { FeedForwardBack(pass), NormBack(pass), AttentionBack(pass), RowsBack(pass) }.Max();

    /// <summary>Bytes a row of a norm and what it makes on the way: 4 D in fp32, where it is the product itself; in bf16 the input in fp32 twice (4 D each), the product (4 D) and the result (2 D).</summary>
    private long Norm => _w == 4 ? 4 * _d : 14 * _d;

    /// <summary>A norm that is made again where its scale is known: the input in fp32 once.</summary>
    private long NormAgain => _w == 4 ? 4 * _d : 10 * _d;

    /// <summary>The norm made again and 3 F: silu of gate, the product with up, and its gradient. With dropout the mask, what it leaves and its gradient are 3 F more. In bf16 the largest weight's gradient is added when 2 F and D are there.</summary>
    private long FeedForwardBack(PassShape pass) => pass.Tokens * NormAgain + Math.Max(pass.Tokens * _w * (learns.DropsLast ? 6 : 3) * _f, pass.Tokens * _w * (2 * _f + _d) + WeightGradient(_f));

    /// <summary>
    /// A norm's way back, the first one's when both have been made again: their outputs' gradients and two tensors of 4 D in fp32; in bf16 four (the gradient, the input, the product and what comes of it),
    /// and two more while that is added to a gradient of another data type.
    /// </summary>
    private long NormBack(PassShape pass) => pass.Tokens * (2 * NormAgain + _w * 2 * _d + (_w == 4 ? 8 : 24) * _d);

    /// <summary>The end of attention's way back: both norms, their outputs' gradients, the rows and their gradient, those of q, k and v and of q and k before they were turned.</summary>
    private long AttentionBack(PassShape pass) => pass.Tokens * (2 * NormAgain + _w * (2 * _d + 4 * _q + 3 * _k)) + WeightGradient(_q);

    /// <summary>A bf16 weight's gradient, w D x, and the same in fp32, 4 D x, before it is added to the fp32 sum; an fp32 one is made in the sum, and weights under an adapter have none.</summary>
    private long WeightGradient(long other) => _w == 4 || !learns.Weights ? 0 : (_w + 4) * _d * other;

    /// <summary>
    /// The kernel's way back, sequence by sequence: what <see cref="AttentionBack"/> has by then, the sums for all rows (Q + 2 K, from the second sequence on), and for the sequence in hand
    /// its gradients, Q for its rows and 2 Q for those it sees, as every query head has its own of the keys and values that it shares; then the queries' among zeros for all rows.
    /// </summary>
    private long RowsBack(PassShape pass) => pass.Tokens * (2 * NormAgain + _w * (_d + 2 * _q) + (pass.Sequences.Count > 1 ? _w * (_q + 2 * _k) : 0))
        + pass.Sequences.Max(sequence => _w * _q * (sequence.Length + Math.Max(2L * (sequence.Prefix + sequence.Length), pass.Tokens)));

    private long Joined(PassShape pass) => pass.Sequences.Where(sequence => sequence.Prefix > 0).Sum(sequence => _w * 2 * _k * ((long)sequence.Prefix + sequence.Length));
}

/// <summary>What learns in a layer.</summary>
/// <param name="Weights">Its own weights.</param>
/// <param name="DropsLast">An adapter of its last map, the widest, whose input is dropped from.</param>
internal readonly record struct LayerLearning(bool Weights, bool DropsLast);
