using Zephyr.Model;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>How large a step's gradient is.</summary>
internal static class GradientNorm
{
    /// <summary>The global L2 norm, a scalar on the device; no value is read back here.</summary>
    public static Tensor Of(ParameterSet parameters)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return stack(TorchOps.Norms([.. parameters.Weights.Select(weight => weight.Gradient).OfType<Tensor>()])).norm().MoveToOuterDisposeScope();
    }
}
