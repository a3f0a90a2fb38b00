using TorchSharp;
using Zephyr.Runtime;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Objectives;

/// <summary>What a preference loss sees of N pairs: log-probabilities of the answers, each [N], summed over the answer's tokens.</summary>
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
    /// <summary>The weighted sum of the losses that are set, for each pair.</summary>
    /// <param name="pairs">The log-probabilities.</param>
    /// <param name="settings">Which losses, and their numbers.</param>
    /// <returns>[N], differentiable in the policy's log-probabilities. Of the losses over sorted pairs (aot) only the sum means anything.</returns>
    public static Tensor Compute(PairLogProbs pairs, DpoLossSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        using var scope = NewDisposeScope();
        var total = zeros_like(pairs.PolicyChosen);
        foreach (var (type, weight) in settings.Losses) total = Sum(total, Times(weight, Of(type, pairs, settings)));
        return total.MoveToOuterDisposeScope();
    }

    /// <summary>
    /// One loss of each pair, [N]. With a = log pi(y_w) - log pi_ref(y_w) and b the same of y_l, u and v their scores under the
    /// f-divergence (a and b themselves for the usual one), h = u - v, s the logistic function, and e the label smoothing.
    /// </summary>
    public static Tensor Of(DpoLossType type, PairLogProbs pairs, DpoLossSettings settings)
    {
        ArgumentNullException.ThrowIfNull(settings);
        using var scope = NewDisposeScope();
        var (beta, e) = (settings.Beta, settings.LabelSmoothing);
        Tensor a = pairs.PolicyChosen - pairs.ReferenceChosen, b = pairs.PolicyRejected - pairs.ReferenceRejected;
        Tensor u = FDivergences.Score(a, settings), v = FDivergences.Score(b, settings), h = u - v;
        var loss = type switch
        {
            // -(1 - e) log s(beta h) - e log s(-beta h)
            DpoLossType.Sigmoid => Logistic(Times(beta, h), e),
            // max(0, 1 - beta h)
            DpoLossType.Hinge => relu(Plus(1, Times(-beta, h))),
            // (u / |y_w| - v / |y_l| - 1 / (2 beta))^2
            DpoLossType.Ipo => Squared(Plus(-1 / (2 * beta), u / pairs.ChosenTokens - v / pairs.RejectedTokens)),
            // (h - 1 / (2 beta))^2
            DpoLossType.IpoSum => Squared(Plus(-1 / (2 * beta), h)),
            // (-(1 - e) log s(beta h) + e log s(-beta h)) / (1 - 2 e)
            DpoLossType.Robust => Times(1 / (1 - 2 * e), Times(e, LogS(Times(-beta, h))) - Times(1 - e, LogS(Times(beta, h)))),
            // s(beta h) (log s(beta h) - log(1 - e)) + s(-beta h) (log s(-beta h) - log e)
            DpoLossType.ExoPair => Sum(Divergence(Times(beta, h), Math.Log(1 - e)), Divergence(Times(-beta, h), Math.Log(e))),
            // -log s(beta u) - (log s(-beta u) + log s(-beta v)) / 2
            DpoLossType.NcaPair => -LogS(Times(beta, u)) - Times(0.5, Sum(LogS(Times(-beta, u)), LogS(Times(-beta, v)))),
            // -log s(beta u) - log s(-beta v)
            DpoLossType.BcoPair => -LogS(Times(beta, u)) - LogS(Times(-beta, v)),
            // (u - 1 / (2 beta))^2 + (v + 1 / (2 beta))^2
            DpoLossType.SppoHard => Sum(Squared(Plus(-0.5 / beta, u)), Squared(Plus(0.5 / beta, v))),
            // 1 - s(beta a) + s(beta b)
            DpoLossType.ApoZero => Sum(S(Times(-beta, a)), S(Times(beta, b))),
            // s(beta a) + 1 - s(beta h)
            DpoLossType.ApoDown => Sum(S(Times(beta, a)), S(Times(-beta, h))),
            // The logistic loss on the differences of the sorted log-ratios: policy against reference, or chosen against rejected.
            DpoLossType.Aot => Logistic(
                Times(beta, Sorted(pairs.PolicyChosen - pairs.PolicyRejected) - Sorted(pairs.ReferenceChosen - pairs.ReferenceRejected)), e),
            DpoLossType.AotUnpaired => Logistic(Times(beta, Sorted(a) - Sorted(b)), e),
            DpoLossType.Discopop => Discopop(Times(beta, h), settings.DiscopopTau),
            // -log s(beta (u / |y_w| - v / |y_l|))
            DpoLossType.SigmoidNorm => -LogS(Times(beta, u / pairs.ChosenTokens - v / pairs.RejectedTokens)),
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "is no preference loss"),
        };
        return loss.MoveToOuterDisposeScope();
    }

    /// <summary>-(1 - e) log s(x) - e log s(-x)</summary>
    private static Tensor Logistic(Tensor x, double smoothing) => smoothing == 0
        ? -LogS(x)
        : -Times(1 - smoothing, LogS(x)) - Times(smoothing, LogS(-x));

    /// <summary>s(x) (log s(x) - logTarget): one term of KL(policy || target) over the two answers.</summary>
    private static Tensor Divergence(Tensor x, double logTarget) => S(x) * Plus(-logTarget, LogS(x));

    /// <summary>(1 - m) (-log s(x)) + m exp(-x) with m = s(x / tau): the logistic loss where the pair is wrong, the exponential where it is right.</summary>
    private static Tensor Discopop(Tensor x, double tau)
    {
        var mix = S(Times(1 / tau, x));
        return Sum(Plus(1, -mix) * -LogS(x), mix * exp(-x));
    }

    private static Tensor Sorted(Tensor x) => sort(x).values;

    private static Tensor S(Tensor x) => torch.sigmoid(x);

    private static Tensor LogS(Tensor x) => logsigmoid(x);

    private static Tensor Sum(Tensor x, Tensor y) => x.add(y, KeptScalar.One);

    private static Tensor Squared(Tensor x) => x * x;

    // A number is held during its one native call (see KeptScalar).
    private static Tensor Times(double factor, Tensor x)
    {
        using Scalar number = factor;
        return x * number;
    }

    private static Tensor Plus(double term, Tensor x)
    {
        using Scalar number = term;
        return x.add(number, KeptScalar.One);
    }
}
