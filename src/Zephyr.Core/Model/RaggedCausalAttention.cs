using Zephyr.Data.Batches;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>
/// Every sequence of a ragged batch attends to its own past and, where it has one, to its prefix; at most a window of keys of them. Two ways to the same
/// numbers: one kernel for the whole batch (<see cref="VarlenAttention"/>), or one call a sequence (<see cref="SequenceAttention"/>).
/// </summary>
internal abstract class RaggedCausalAttention : IAttentionPattern, IDisposable
{
    /// <param name="batch">The sequences.</param>
    /// <param name="window">The most keys that a query sees; null for all before it.</param>
    /// <param name="kernel">Takes the whole batch at once; null to go sequence by sequence.</param>
    public static RaggedCausalAttention Of(RaggedBatch batch, int? window, IVarlenKernel? kernel) =>
        kernel is null ? new SequenceAttention(batch, window) : new VarlenAttention(VarlenPlan.Of(batch, window), kernel);

    /// <inheritdoc/>
    public abstract Tensor Attend(int layer, Tensor q_THE, Tensor k_TKE, Tensor v_TKE);

    /// <summary>The same, without a graph, and what the way back needs.</summary>
    public abstract AttendedRows Keep(Tensor q_THE, Tensor k_TKE, Tensor v_TKE);

    /// <summary>Frees what the layers shared.</summary>
    public abstract void Dispose();
}

/// <summary>Attention that can be gone back through. The kernels and what they keep differ by device.</summary>
internal abstract class AttendedRows : IDisposable
{
    /// <summary>What the queries saw, [T, H, E]; a tensor of the caller's own, made anew where only its parts are kept.</summary>
    public abstract Tensor Rows();

    /// <summary>d loss / d queries, keys and values.</summary>
    public abstract (Tensor Q_THE, Tensor K_TKE, Tensor V_TKE) Backward(Tensor gradient_THE);

    /// <summary>Frees what was kept.</summary>
    public abstract void Dispose();
}
