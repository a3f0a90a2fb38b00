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

/// <summary>Every sequence of a ragged batch attends to its own past, at most <paramref name="window"/> keys of it.</summary>
internal sealed class RaggedCausalAttention(int[] offsets, int? window) : IAttentionPattern, IDisposable
{
    private readonly Dictionary<long, Tensor> _masks = [];

    public Tensor Attend(int layer, Tensor q_THE, Tensor k_TKE, Tensor v_TKE)
    {
        var mixed = new Tensor[offsets.Length - 1];
        for (var n = 0; n < mixed.Length; n++)
        {
            long start = offsets[n], length = offsets[n + 1] - start;
            var mask = length > window ? MaskOf(length, q_THE.device) : null;
            mixed[n] = SharedHeadAttention.Attend(
                q_THE.narrow(0, start, length), k_TKE.narrow(0, start, length), v_TKE.narrow(0, start, length), mask, isCausal: mask is null);
        }
        return mixed.Length == 1 ? mixed[0] : cat(mixed, 0);
    }

    /// <summary>Key j is seen by query i where i - window &lt; j &lt;= i. One mask for each length, kept for the layers to come.</summary>
    private Tensor MaskOf(long length, Device device)
    {
        if (_masks.TryGetValue(length, out var mask)) return mask;
        using var scope = NewDisposeScope();
        var all = ones(length, length, dtype: ScalarType.Bool, device: device);
        // The first layer asks; the mask has to outlive that layer's scope and ends with the batch.
        mask = (all.tril() & all.triu(1 - window!.Value)).DetachFromDisposeScope();
        return _masks[length] = mask;
    }

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
