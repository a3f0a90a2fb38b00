using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>Attention over sequences of any length in one call, and the way back.</summary>
internal interface IVarlenKernel
{
    /// <param name="q_THE">Queries.</param>
    /// <param name="k_SKE">Keys; S is the last of the layout's key offsets, K divides H.</param>
    /// <param name="v_SKE">Values.</param>
    /// <param name="layout">Whose they are.</param>
    /// <returns>The mixed values, and the logarithm of each softmax's denominator, fp32.</returns>
    (Tensor Rows_THE, Tensor LogSumExp_HT) Forward(Tensor q_THE, Tensor k_SKE, Tensor v_SKE, VarlenLayout layout);

    /// <param name="gradient_THE">d loss / d what <see cref="Forward"/> returned.</param>
    /// <param name="inputs">What it was given.</param>
    /// <param name="outputs">What it returned.</param>
    /// <param name="layout">As there.</param>
    (Tensor Q_THE, Tensor K_SKE, Tensor V_SKE) Backward(
        Tensor gradient_THE, (Tensor Q_THE, Tensor K_SKE, Tensor V_SKE) inputs, (Tensor Rows_THE, Tensor LogSumExp_HT) outputs, VarlenLayout layout);
}

/// <summary>FlashAttention 2 (arXiv 2307.08691) as libtorch's CUDA build has it: bf16 and fp16, heads of up to 256 in steps of 8, fewer key heads than query heads.</summary>
internal sealed class FlashKernel : IVarlenKernel
{
    public static readonly FlashKernel Instance = new();

    public (Tensor Rows_THE, Tensor LogSumExp_HT) Forward(Tensor q_THE, Tensor k_SKE, Tensor v_SKE, VarlenLayout layout) =>
        TorchOps.FlashAttention(q_THE, k_SKE, v_SKE, layout);

    public (Tensor Q_THE, Tensor K_SKE, Tensor V_SKE) Backward(
        Tensor gradient_THE, (Tensor Q_THE, Tensor K_SKE, Tensor V_SKE) inputs, (Tensor Rows_THE, Tensor LogSumExp_HT) outputs, VarlenLayout layout) =>
        TorchOps.FlashAttentionBackward(gradient_THE, inputs, outputs, layout);
}

/// <summary>A whole ragged batch through one kernel.</summary>
internal sealed class VarlenAttention(VarlenPlan plan, IVarlenKernel kernel) : RaggedCausalAttention
{
    private VarlenLayout? _layout;
    private Tensor? _keyRows_S;

    public override Tensor Attend(int layer, Tensor q_THE, Tensor k_TKE, Tensor v_TKE) =>
        kernel.Forward(q_THE, Keys(k_TKE), Keys(v_TKE), LayoutOn(q_THE.device)).Rows_THE;

    public override AttendedRows Keep(Tensor q_THE, Tensor k_TKE, Tensor v_TKE) => new VarlenRows(this, q_THE, k_TKE, v_TKE);

    public override void Dispose()
    {
        _keyRows_S?.Dispose();
        if (_layout is null) return;
        _layout.QueryOffsets.Dispose();
        _layout.KeyOffsets.Dispose();
    }

    /// <summary>The first layer asks; what is made outlives that layer's scope and ends with the batch.</summary>
    private VarlenLayout LayoutOn(Device device) => _layout ??= new(
        tensor(plan.QueryOffsets, ScalarType.Int32, device).DetachFromDisposeScope(), tensor(plan.KeyOffsets, ScalarType.Int32, device).DetachFromDisposeScope(),
        plan.MostQueries, plan.MostKeys, plan.WindowLeft);

    /// <summary>Where a prefix is seen by several sequences its rows stand before each of them: keys and values are a quarter of the queries' width, so copies are cheap.</summary>
    private Tensor Keys(Tensor x_TKE) => plan.KeyRows is null ? x_TKE : x_TKE.index_select(0, KeyRowsOn(x_TKE.device));

    private Tensor KeyRowsOn(Device device) => _keyRows_S ??= tensor(plan.KeyRows!, ScalarType.Int64, device).DetachFromDisposeScope();

    /// <summary>The transpose of <see cref="Keys"/>: a row that was seen from several places gets all their gradients.</summary>
    private Tensor OfRows(Tensor gradient_SKE, Tensor like_TKE) => plan.KeyRows is null ? gradient_SKE
        : zeros_like(like_TKE).index_add_(0, KeyRowsOn(like_TKE.device), gradient_SKE, KeptScalar.One);

    private sealed class VarlenRows : AttendedRows
    {
        private readonly VarlenAttention _pattern;
        private readonly Tensor _q_THE, _k_TKE, _v_TKE, _rows_THE, _logSumExp_HT;

        public VarlenRows(VarlenAttention pattern, Tensor q_THE, Tensor k_TKE, Tensor v_TKE)
        {
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();
            _pattern = pattern;
            (_q_THE, _k_TKE, _v_TKE) = (Kept(q_THE), Kept(k_TKE), Kept(v_TKE));
            var (rows_THE, logSumExp_HT) = pattern.RunForward(_q_THE, _k_TKE, _v_TKE);
            (_rows_THE, _logSumExp_HT) = (rows_THE.DetachFromDisposeScope(), logSumExp_HT.DetachFromDisposeScope());
        }

        public override Tensor Rows() => _rows_THE.detach();

        public override (Tensor Q_THE, Tensor K_TKE, Tensor V_TKE) Backward(Tensor gradient_THE)
        {
            using var noGradient = no_grad();
            using var scope = NewDisposeScope();
            var (q_THE, k_SKE, v_SKE) = _pattern.RunBackward(gradient_THE, (_q_THE, _k_TKE, _v_TKE), (_rows_THE, _logSumExp_HT));
            return (q_THE.MoveToOuterDisposeScope(), _pattern.OfRows(k_SKE, _k_TKE).MoveToOuterDisposeScope(), _pattern.OfRows(v_SKE, _v_TKE).MoveToOuterDisposeScope());
        }

        public override void Dispose()
        {
            foreach (var tensor in new[] { _q_THE, _k_TKE, _v_TKE, _rows_THE, _logSumExp_HT }) tensor.Dispose();
        }

        /// <summary>A handle of our own on the same numbers.</summary>
        private static Tensor Kept(Tensor x) => x.detach().DetachFromDisposeScope();
    }

    private (Tensor Rows_THE, Tensor LogSumExp_HT) RunForward(Tensor q_THE, Tensor k_TKE, Tensor v_TKE) =>
        kernel.Forward(q_THE, Keys(k_TKE), Keys(v_TKE), LayoutOn(q_THE.device));

    private (Tensor Q_THE, Tensor K_SKE, Tensor V_SKE) RunBackward(
        Tensor gradient_THE, (Tensor Q_THE, Tensor K_TKE, Tensor V_TKE) inputs, (Tensor Rows_THE, Tensor LogSumExp_HT) outputs) =>
        kernel.Backward(gradient_THE, (inputs.Q_THE, Keys(inputs.K_TKE), Keys(inputs.V_TKE)), outputs, LayoutOn(gradient_THE.device));
}
