using TorchSharp;
using Zephyr.Data.Batches;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Model;

/// <summary>
/// Which query rows see which key rows. Packing, unequal lengths, and a cache are all this one question (decision 1).
/// Shapes: T tokens, H query heads, K key heads, E width of a head.
/// </summary>
internal interface IAttentionPattern
{
    /// <summary>softmax(q k^T / sqrt(E)) v over the keys each query may see.</summary>
    /// <returns>[T, H, E]</returns>
    Tensor Attend(int layer, Tensor q_THE, Tensor k_TKE, Tensor v_TKE);
}

/// <summary>
/// Every sequence of a ragged batch attends to its own past and, where it has one, to its prefix; at most <paramref name="window"/> keys of them.
/// </summary>
internal sealed class RaggedCausalAttention(RaggedBatch batch, int? window) : IAttentionPattern, IDisposable
{
    private readonly Dictionary<(long Queries, long Keys), Tensor> _masks = [];

    public Tensor Attend(int layer, Tensor q_THE, Tensor k_TKE, Tensor v_TKE)
    {
        var mixed = new Tensor[batch.SequenceCount];
        for (var n = 0; n < mixed.Length; n++)
        {
            long start = batch.Offsets[n], length = batch.Offsets[n + 1] - start;
            var prefix = batch.Prefixes?[n] ?? default;
            var keys = prefix.Length + length;
            // The kernel's own causal mask has the queries begin with the keys, so it serves where there is no prefix.
            var mask = keys > window || prefix.Length > 0 ? MaskOf(length, keys, q_THE) : null;
            mixed[n] = SharedHeadAttention.Attend(
                q_THE.narrow(0, start, length), Seen(k_TKE, prefix, start, length), Seen(v_TKE, prefix, start, length), mask, isCausal: mask is null);
        }
        return mixed.Length == 1 ? mixed[0] : cat(mixed, 0);
    }

    /// <summary>The rows that a sequence may see: its prefix, then its own.</summary>
    private static Tensor Seen(Tensor x_TKE, RowSpan prefix, long start, long length)
    {
        var own = x_TKE.narrow(0, start, length);
        return prefix.Length == 0 ? own : cat([x_TKE.narrow(0, prefix.Start, prefix.Length), own], 0);
    }

    /// <summary>
    /// The last query sees the last key: query i stands at keys - queries + i, and sees key j where that - window &lt; j &lt;= that. 0 where it
    /// does and -infinity where not, in the queries' data type, so that no layer has to make it of a truth table. One mask for each size, kept for the layers to come.
    /// </summary>
    private Tensor MaskOf(long queries, long keys, Tensor like)
    {
        if (_masks.TryGetValue((queries, keys), out var mask)) return mask;
        using var scope = NewDisposeScope();
        var seen = ones(queries, keys, dtype: ScalarType.Bool, device: like.device).tril(keys - queries);
        if (keys > window) seen &= ones_like(seen).triu(keys - queries + 1 - window.Value);
        // The first layer asks; the mask has to outlive that layer's scope and ends with the batch.
        mask = zeros(queries, keys, dtype: like.dtype, device: like.device).masked_fill_(seen.logical_not(), NotSeen).DetachFromDisposeScope();
        return _masks[(queries, keys)] = mask;
    }

    private static readonly Scalar NotSeen = double.NegativeInfinity;

    /// <summary>Frees the masks.</summary>
    public void Dispose()
    {
        foreach (var mask in _masks.Values) mask.Dispose();
        _masks.Clear();
    }
}

/// <summary>Scaled dot-product attention where several query heads share a key head.</summary>
internal static class SharedHeadAttention
{
    /// <param name="q_THE">[Tq, H, E]</param>
    /// <param name="k_TKE">[Tk, K, E]</param>
    /// <param name="v_TKE">[Tk, K, E]</param>
    /// <param name="mask">[Tq, Tk], true where the key is seen; null for none.</param>
    /// <param name="isCausal">Each query sees the keys up to its own row; only where Tq = Tk.</param>
    /// <returns>[Tq, H, E]</returns>
    public static Tensor Attend(Tensor q_THE, Tensor k_TKE, Tensor v_TKE, Tensor? mask, bool isCausal)
    {
        var share = q_THE.shape[1] / k_TKE.shape[1];
        var mixed = scaled_dot_product_attention(HeadsFirst(q_THE), HeadsFirst(Repeat(k_TKE, share)), HeadsFirst(Repeat(v_TKE, share)),
            mask!, 0.0, isCausal);
        return mixed.squeeze(0).transpose(0, 1);
    }

    private static Tensor HeadsFirst(Tensor x_THE) => x_THE.transpose(0, 1).unsqueeze(0);

    private static Tensor Repeat(Tensor x_TKE, long times)
    {
        if (times == 1) return x_TKE;
        var (tokens, heads, width) = (x_TKE.shape[0], x_TKE.shape[1], x_TKE.shape[2]);
        return x_TKE.unsqueeze(2).expand(tokens, heads, times, width).reshape(tokens, heads * times, width);
    }
}
