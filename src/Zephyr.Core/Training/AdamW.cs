using TorchSharp;
using Zephyr.Configuration;
using Zephyr.Model;
using Zephyr.Runtime;

namespace Zephyr.Training;

/// <summary>
/// AdamW (arXiv 1711.05101): m = b1 m + (1 - b1) g, v = b2 v + (1 - b2) g^2,
/// w = w (1 - rate decay) - rate (m / (1 - b1^t)) / (sqrt(v / (1 - b2^t)) + eps).
/// </summary>
internal sealed class AdamW(ParameterSet parameters, OptimizerOptions options) : Optimizer(parameters, options, "exp_avg", "exp_avg_sq")
{
    /// <inheritdoc/>
    protected override void Update(IEnumerable<Portion> portions, double rate)
    {
        var (beta1, beta2) = (Options.AdamBeta1, Options.AdamBeta2);
        using Scalar keep1 = beta1, take1 = 1 - beta1, keep2 = beta2, take2 = 1 - beta2;
        using Scalar shrink = 1 - rate * Options.WeightDecay, correction2 = Math.Sqrt(1 - Math.Pow(beta2, StepCount));
        using Scalar epsilon = Options.AdamEpsilon, stepSize = -rate / (1 - Math.Pow(beta1, StepCount));
        foreach (var (weight, gradient, averages, decays) in portions)
        {
            var (first, second) = (averages[0], averages[1]);
            if (decays) weight.mul_(shrink);
            first.mul_(keep1).add_(gradient, take1);
            second.mul_(keep2).addcmul_(gradient, gradient, take2);
            var denominator = second.sqrt().div_(correction2).add_(epsilon, KeptScalar.One);
            weight.addcdiv_(first, denominator, stepSize);
        }
    }
}
