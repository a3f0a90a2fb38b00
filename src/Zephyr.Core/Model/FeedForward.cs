using Zephyr.Model.Adapters;
using Zephyr.Runtime;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Model;

/// <summary>SwiGLU (arXiv 2002.05202): down(silu(gate(x)) * up(x)).</summary>
internal sealed class FeedForward(ParameterSet parameters, string prefix)
{
    private readonly Projection _gate = new(parameters, $"{prefix}.mlp.gate_proj");
    private readonly Projection _up = new(parameters, $"{prefix}.mlp.up_proj");
    private readonly Projection _down = new(parameters, $"{prefix}.mlp.down_proj");

    /// <summary>The projections in the checkpoint's order.</summary>
    public IReadOnlyList<Projection> Projections => [_gate, _up, _down];

    public Tensor Forward(Tensor x_TD, DropoutDraws? draws) => _down.Forward(silu(_gate.Forward(x_TD, draws)).mul_(_up.Forward(x_TD, draws)), draws);

    /// <param name="x_TD">Normed hidden states.</param>
    /// <param name="draws">What dropout draws from; null where nothing is dropped.</param>
    /// <param name="gates">What the way back needs; the caller's.</param>
    public Tensor Forward(Tensor x_TD, DropoutDraws? draws, out Gates gates)
    {
        gates = new(_gate.Forward(x_TD, draws).DetachFromDisposeScope(), _up.Forward(x_TD, draws).DetachFromDisposeScope());
        return _down.Forward(silu(gates.Gate_TF).mul_(gates.Up_TF), draws);
    }

    /// <returns>d loss / d input.</returns>
    public Tensor Backward(Tensor x_TD, Gates gates, Tensor gradient_TD, DropoutDraws? draws)
    {
        using var scope = NewDisposeScope();
        // These are the widest tensors of a layer: each is freed, or turned into the next one in place, as soon as it has served.
        using var open_TF = silu(gates.Gate_TF);
        Tensor ofProduct_TF;
        using (var product_TF = open_TF * gates.Up_TF) ofProduct_TF = _down.Backward(product_TF, gradient_TD, draws);
        var ofInput_TD = _up.Backward(x_TD, open_TF.mul_(ofProduct_TF), draws);
        TorchOps.SiluBackward(ofProduct_TF.mul_(gates.Up_TF), gates.Gate_TF);
        _gate.Backward(x_TD, ofProduct_TF, ofInput_TD, draws);
        return ofInput_TD.MoveToOuterDisposeScope();
    }

    /// <summary>The two maps' outputs, [T, F].</summary>
    internal readonly record struct Gates(Tensor Gate_TF, Tensor Up_TF);
}
