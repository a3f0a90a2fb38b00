using TorchSharp;
using Zephyr.Configuration;
using Zephyr.Model;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>
/// RMSprop as torch has it and transformers calls it, without momentum and not centred: g = g + decay w,
/// v = 0.99 v + 0.01 g^2, w = w - rate g / (sqrt(v) + 1e-8). The adam_ keys do not concern it, and its decay goes through the
/// average like any other part of the gradient.
/// </summary>
internal sealed class RmsProp(ParameterSet parameters, OptimizerOptions options, long seed = 0, int piece = Optimizer.Piece)
    : Optimizer(parameters, options, seed, piece, "square_avg")
{
    // torch.optim.RMSprop's own alpha and eps: transformers passes the learning rate and the decay only.
    private const double Alpha = 0.99, Epsilon = 1e-8;

    /// <inheritdoc/>
    protected override void Update(IReadOnlyList<Portion> portions, double gradientScale, double rate)
    {
        using Scalar scale = gradientScale, keep = Alpha, take = 1 - Alpha, decay = Options.WeightDecay, epsilon = Epsilon, stepSize = -rate;
        foreach (var (weight, gradient, averages, decays) in portions)
        {
            // One after the other: a parameter's temporaries are gone before the next one's come.
            using var scope = NewDisposeScope();
            gradient.mul_(scale);
            if (decays) gradient.add_(weight, decay);
            averages[0].mul_(keep).addcmul_(gradient, gradient, take);
            weight.addcdiv_(gradient, averages[0].sqrt().add_(epsilon, KeptScalar.One), stepSize);
        }
    }
}
