using Zephyr.Configuration;
using Zephyr.Model;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>
/// AdamW (arXiv 1711.05101): m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
/// w = w (1 - rate decay) - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps), in one pass over memory.
/// </summary>
internal sealed class AdamW(ParameterSet parameters, OptimizerOptions options, long seed = 0, int piece = Optimizer.Piece)
    : Optimizer(parameters, options, seed, piece, "exp_avg", "exp_avg_sq")
{
    /// <inheritdoc/>
    protected override void Update(IReadOnlyList<Portion> portions, double gradientScale, double rate)
    {
        using var scope = NewDisposeScope();
        var device = portions[0].Weight.device;
        // The operator divides by its scale, and takes t on the device: filled there, as a copy from the host would wait for all that the device has yet to do, once a piece.
        Tensor divisor = Filled(1 / gradientScale), step = Filled(StepCount);
        foreach (var group in portions.GroupBy(portion => portion.Decays))
        {
            List<Portion> all = [.. group];
            TorchOps.AdamW(
                new([.. all.Select(one => one.Weight)], [.. all.Select(one => one.Gradient)], [.. all.Select(one => one.Averages[0])],
                    [.. all.Select(one => one.Averages[1])], [.. all.Select(_ => step)]),
                new(rate, group.Key ? Options.WeightDecay : 0, Options.AdamBeta1, Options.AdamBeta2, Options.AdamEpsilon), divisor);
        }

        Tensor Filled(double value)
        {
            using TorchSharp.Scalar number = value;
            return full([], number, ScalarType.Float32, device);
        }
    }
}
