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

    public Tensor Attend(int layer, Tensor q_THE, Tensor k_TKE, Tensor v_TKE) => SharedHeadAttention.Join(AttendEach(q_THE, k_TKE, v_TKE));

    /// <summary>What each sequence's queries see, in the layout of <see cref="SharedHeadAttention"/>.</summary>
    public Tensor[] AttendEach(Tensor q_THE, Tensor k_TKE, Tensor v_TKE)
    {
        var mixed = new Tensor[batch.SequenceCount];
        for (var n = 0; n < mixed.Length; n++)
        {
            var (start, length) = RowsOf(n);
            var prefix = batch.Prefixes?[n] ?? default;
            var keys = prefix.Length + length;
            // The kernel's own causal mask has the queries begin with the keys, so it serves where there is no prefix.
            var mask = keys > window || prefix.Length > 0 ? MaskOf(length, keys, q_THE) : null;
            mixed[n] = SharedHeadAttention.Attend(
                q_THE.narrow(0, start, length), Seen(k_TKE, prefix, start, length), Seen(v_TKE, prefix, start, length), mask, isCausal: mask is null);
        }
        return mixed;
    }

    /// <summary>The batch's rows that are sequence n.</summary>
    public (long Start, long Length) RowsOf(int n) => (batch.Offsets[n], batch.Offsets[n + 1] - batch.Offsets[n]);

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

/// <summary>
/// Scaled dot-product attention where S = H / K query heads share a key head. The K groups stand where the kernel expects a batch, and a key
/// head is shown to its group as often as it has members without being copied.
/// </summary>
internal static class SharedHeadAttention
{
    /// <param name="q_THE">[Tq, H, E]</param>
    /// <param name="k_TKE">[Tk, K, E]</param>
    /// <param name="v_TKE">[Tk, K, E]</param>
    /// <param name="mask">[Tq, Tk], true (or 0) where the key is seen, false (or -infinity) where not; null for none.</param>
    /// <param name="isCausal">Each query sees the keys up to its own row; only where Tq = Tk.</param>
    /// <returns>[K, S, Tq, E]</returns>
    public static Tensor Attend(Tensor q_THE, Tensor k_TKE, Tensor v_TKE, Tensor? mask, bool isCausal)
    {
        var (groups, share) = (k_TKE.shape[1], q_THE.shape[1] / k_TKE.shape[1]);
        return scaled_dot_product_attention(Grouped(q_THE, groups), Shown(k_TKE, share), Shown(v_TKE, share), mask!, 0.0, isCausal);
    }

    /// <summary>Rows of heads, [T, H, E], as the kernel sees them: [K, S, T, E]. A view.</summary>
    public static Tensor Grouped(Tensor x_THE, long groups) =>
        x_THE.view(x_THE.shape[0], groups, x_THE.shape[1] / groups, x_THE.shape[2]).permute(1, 2, 0, 3);

    /// <summary>Lays what came of several sequences end to end, as rows of heads: [T, H, E].</summary>
    public static Tensor Join(IReadOnlyList<Tensor> mixed_KSTE)
    {
        var rows = mixed_KSTE.Select(part => part.permute(2, 0, 1, 3)).ToList();
        var all_TKSE = rows.Count == 1 ? rows[0] : cat(rows, 0);
        return all_TKSE.reshape(all_TKSE.shape[0], -1, all_TKSE.shape[3]);
    }

    private static Tensor Shown(Tensor x_TKE, long share)
    {
        var (tokens, groups, width) = (x_TKE.shape[0], x_TKE.shape[1], x_TKE.shape[2]);
        return x_TKE.unsqueeze(2).expand(tokens, groups, share, width).permute(1, 2, 0, 3);
    }
}

/// <summary>
/// Attention that can be gone back through. This one piece is autograd's: the kernels and what they keep differ by device, and it knows them all.
/// </summary>
internal sealed class AttendedRows : IDisposable
{
    private readonly RaggedCausalAttention _pattern;
    private readonly Tensor[] _inputs, _mixed;

    public AttendedRows(RaggedCausalAttention pattern, Tensor q_THE, Tensor k_TKE, Tensor v_TKE)
    {
        using var recording = enable_grad();
        using var scope = NewDisposeScope();
        _pattern = pattern;
        _inputs = [.. new[] { q_THE, k_TKE, v_TKE }.Select(input => input.detach().requires_grad_(true).DetachFromDisposeScope())];
        _mixed = [.. pattern.AttendEach(_inputs[0], _inputs[1], _inputs[2]).Select(part => part.DetachFromDisposeScope())];
    }

    /// <summary>[T, H, E], made anew at each call: the sequences' parts are kept, and once is enough.</summary>
    public Tensor Rows() => SharedHeadAttention.Join(_mixed);

    /// <summary>d loss / d queries, keys and values.</summary>
    public (Tensor Q_THE, Tensor K_TKE, Tensor V_TKE) Backward(Tensor gradient_THE)
    {
        using var scope = NewDisposeScope();
        var parts = _mixed.Select((_, n) =>
        {
            var (start, length) = _pattern.RowsOf(n);
            return SharedHeadAttention.Grouped(gradient_THE.narrow(0, start, length), _inputs[1].shape[1]);
        });
        autograd.backward([.. _mixed], [.. parts]);
        var gradients = _inputs.Select(input => input.grad!.MoveToOuterDisposeScope()).ToList();
        return (gradients[0], gradients[1], gradients[2]);
    }

    public void Dispose()
    {
        foreach (var tensor in _mixed.Concat(_inputs)) tensor.Dispose();
    }
}
