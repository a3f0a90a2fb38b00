using TorchSharp;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Objectives;

/// <summary>What a log-ratio x = log pi(y) - log pi_ref(y) counts for under each divergence: f'(exp(x)) up to a constant, which falls out of a difference.</summary>
internal static class FDivergences
{
    /// <summary>exp(80) is the last that fp32 holds with room to spare; TRL clamps there too.</summary>
    private static readonly Scalar LargestExponent = 80;

    public static Tensor Score(Tensor logRatio, DpoLossSettings settings) => settings.Divergence switch
    {
        FDivergence.ReverseKl => logRatio,
        FDivergence.ForwardKl => -exp((-logRatio).clamp_max(LargestExponent)),
        FDivergence.JsDivergence => logsigmoid(logRatio),
        _ when Math.Abs(settings.DivergenceAlpha - 1) < 1e-6 => logRatio,
        _ => Alpha(logRatio, settings.DivergenceAlpha - 1),
    };

    private static Tensor Alpha(Tensor logRatio, double power)
    {
        using Scalar factor = power, share = 1 / power;
        return exp((logRatio * factor).clamp_max(LargestExponent)) * share;
    }
}
