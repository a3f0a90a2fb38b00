using TorchSharp;
using Zephyr.Runtime;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Objectives;

/// <summary>Which preference loss.</summary>
public enum DpoLossType
{
    /// <summary>DPO, equation 2 of the Zephyr paper (arXiv 2305.18290, equation 7); with label smoothing, conservative DPO.</summary>
    Sigmoid,

    /// <summary>SLiC's hinge on the DPO margin (arXiv 2305.10425, 2309.06657).</summary>
    Hinge,

    /// <summary>Identity preference optimisation (arXiv 2310.12036), on per-token averages as TRL has it.</summary>
    Ipo,

    /// <summary>Robust DPO (arXiv 2403.00409): unbiased under a known rate of flipped labels.</summary>
    Robust,
}

/// <summary>What a preference loss sees of N pairs: log-probabilities of the answers, each [N] fp32, summed over the answer's tokens.</summary>
/// <param name="PolicyChosen">log pi(y_w | x)</param>
/// <param name="PolicyRejected">log pi(y_l | x)</param>
/// <param name="ReferenceChosen">log pi_ref(y_w | x)</param>
/// <param name="ReferenceRejected">log pi_ref(y_l | x)</param>
/// <param name="ChosenTokens">|y_w|, for losses on per-token averages.</param>
/// <param name="RejectedTokens">|y_l|</param>
public readonly record struct PairLogProbs(
    Tensor PolicyChosen, Tensor PolicyRejected, Tensor ReferenceChosen, Tensor ReferenceRejected, Tensor ChosenTokens, Tensor RejectedTokens);

/// <summary>Preference losses as pure functions on log-probabilities: no model, no state, no device.</summary>
public static class DpoLoss
{
    /// <summary>
    /// The loss of each pair, [N] fp32, differentiable in the policy's log-probabilities. With
    /// h = (log pi(y_w) - log pi(y_l)) - (log pi_ref(y_w) - log pi_ref(y_l)) and e the label smoothing:
    /// <list type="bullet">
    /// <item>sigmoid: -(1 - e) log s(beta h) - e log s(-beta h)</item>
    /// <item>hinge: max(0, 1 - beta h)</item>
    /// <item>ipo: (h' - 1 / (2 beta))^2 with h' from per-token averages</item>
    /// <item>robust: (-(1 - e) log s(beta h) + e log s(-beta h)) / (1 - 2 e)</item>
    /// </list>
    /// </summary>
    /// <param name="type">Which loss.</param>
    /// <param name="logProbs">The four log-probabilities of each pair.</param>
    /// <param name="beta">Strength of the hold to the reference.</param>
    /// <param name="labelSmoothing">e, the assumed share of flipped labels.</param>
    public static Tensor Compute(DpoLossType type, PairLogProbs logProbs, double beta, double labelSmoothing = 0)
    {
        if (type == DpoLossType.Ipo)
        {
            using Scalar target = 1 / (2 * beta);
            var averaged = (logProbs.PolicyChosen - logProbs.ReferenceChosen) / logProbs.ChosenTokens
                - (logProbs.PolicyRejected - logProbs.ReferenceRejected) / logProbs.RejectedTokens;
            var distance = averaged - target;
            return distance * distance;
        }
        // Held until the loss is computed (see KeptScalar).
        using Scalar strength = beta, right = 1 - labelSmoothing, wrong = labelSmoothing, unbiased = 1 - 2 * labelSmoothing;
        var margin = strength * ((logProbs.PolicyChosen - logProbs.PolicyRejected) - (logProbs.ReferenceChosen - logProbs.ReferenceRejected));
        return type switch
        {
            DpoLossType.Sigmoid => -(right * logsigmoid(margin)) - wrong * logsigmoid(-margin),
            DpoLossType.Hinge => relu((-margin).add(KeptScalar.One, KeptScalar.One)),
            DpoLossType.Robust => (wrong * logsigmoid(-margin) - right * logsigmoid(margin)) / unbiased,
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "is no preference loss"),
        };
    }
}
