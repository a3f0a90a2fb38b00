using Zephyr.Data.Batches;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>Attention sequence by sequence, through the kernels that every device has.</summary>
internal sealed class SequenceAttention(RaggedBatch batch, int? window) : RaggedCausalAttention
{
    private readonly CausalMasks _masks = new(window);

    public override Tensor Attend(int layer, Tensor q_THE, Tensor k_TKE, Tensor v_TKE) => SharedHeadAttention.Join(AttendEach(q_THE, k_TKE, v_TKE));

    public override AttendedRows Keep(Tensor q_THE, Tensor k_TKE, Tensor v_TKE) => new SequenceRows(this, q_THE, k_TKE, v_TKE);

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
            var mask = keys > window || prefix.Length > 0 ? _masks.Of(length, keys, q_THE) : null;
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

    /// <summary>Frees the masks.</summary>
    public override void Dispose() => _masks.Dispose();
}

/// <summary>The way back through <see cref="SequenceAttention"/>. This one piece is autograd's: the kernels and what they keep differ by device, and it knows them all.</summary>
internal sealed class SequenceRows : AttendedRows
{
    private readonly SequenceAttention _pattern;
    private readonly Tensor[] _inputs, _mixed;

    public SequenceRows(SequenceAttention pattern, Tensor q_THE, Tensor k_TKE, Tensor v_TKE)
    {
        using var recording = enable_grad();
        using var scope = NewDisposeScope();
        _pattern = pattern;
        _inputs = [.. new[] { q_THE, k_TKE, v_TKE }.Select(input => input.detach().requires_grad_(true).DetachFromDisposeScope())];
        _mixed = [.. pattern.AttendEach(_inputs[0], _inputs[1], _inputs[2]).Select(part => part.DetachFromDisposeScope())];
    }

    /// <summary>[T, H, E], made anew at each call: the sequences' parts are kept, and once is enough.</summary>
    public override Tensor Rows() => SharedHeadAttention.Join(_mixed);

    /// <summary>d loss / d queries, keys and values.</summary>
    public override (Tensor Q_THE, Tensor K_TKE, Tensor V_TKE) Backward(Tensor gradient_THE)
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

    public override void Dispose()
    {
        foreach (var tensor in _mixed.Concat(_inputs)) tensor.Dispose();
    }
}
