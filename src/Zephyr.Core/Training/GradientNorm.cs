using Zephyr.Model;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>How large a step's gradient is.</summary>
internal static class GradientNorm
{
    /// <summary>[1 + W] on the device: the global L2 norm, and that of each weight that has a gradient, in their order. No value is read back here.</summary>
    public static Tensor Of(ParameterSet parameters)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var norms_W = stack(TorchOps.Norms([.. parameters.Weights.Select(weight => weight.Gradient).OfType<Tensor>()]));
        // Not norms_W.norm(): TorchSharp hands the 2 to it in an object that nobody holds.
        return cat([TorchOps.Norms([norms_W])[0].reshape(1), norms_W], 0).MoveToOuterDisposeScope();
    }
}
