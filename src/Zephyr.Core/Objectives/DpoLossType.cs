namespace Zephyr.Objectives;

/// <summary>Which preference loss, by TRL's names in snake_case; the formulae stand in <see cref="DpoLoss.Of"/>.</summary>
public enum DpoLossType
{
    /// <summary>DPO, equation 2 of the Zephyr paper (arXiv 2305.18290, equation 7); with label smoothing, conservative DPO.</summary>
    Sigmoid,

    /// <summary>SLiC's hinge on the DPO margin (arXiv 2305.10425, 2309.06657).</summary>
    Hinge,

    /// <summary>Identity preference optimisation (arXiv 2310.12036) on per-token averages, as TRL has it.</summary>
    Ipo,

    /// <summary>The same on sums, as the paper writes it.</summary>
    IpoSum,

    /// <summary>Robust DPO (arXiv 2403.00409): unbiased under a known rate of flipped labels.</summary>
    Robust,

    /// <summary>EXO (arXiv 2402.00856, equation 16): the reverse KL divergence to the smoothed labels. Needs label smoothing above 0.</summary>
    ExoPair,

    /// <summary>Noise contrastive alignment (arXiv 2402.05369): pushes the absolute likelihood too.</summary>
    NcaPair,

    /// <summary>Binary classifier optimisation (arXiv 2404.04656), without the shift by a running mean, as TRL has it now.</summary>
    BcoPair,

    /// <summary>Self-play preference optimisation (arXiv 2405.00675, equation 4.7) with win probabilities 1 and 0.</summary>
    SppoHard,

    /// <summary>Anchored preference optimisation (arXiv 2408.06266, equation 7): where chosen answers are better than the model's own.</summary>
    ApoZero,

    /// <summary>The same (equation 8), where chosen answers are worse than the model's own.</summary>
    ApoDown,

    /// <summary>Alignment via optimal transport (arXiv 2406.05882), paired: over the sorted pairs of a micro-batch.</summary>
    Aot,

    /// <summary>The same, unpaired.</summary>
    AotUnpaired,

    /// <summary>DiscoPOP (arXiv 2406.08414, equation 5): a loss that was found by a language model.</summary>
    Discopop,

    /// <summary>The logistic loss on per-token averages.</summary>
    SigmoidNorm,
}

/// <summary>The divergence that holds the policy to the reference (f-DPO, arXiv 2309.16240).</summary>
public enum FDivergence
{
    /// <summary>The usual one: a log-ratio's score is itself.</summary>
    ReverseKl,

    /// <summary>-exp(-x)</summary>
    ForwardKl,

    /// <summary>log s(x)</summary>
    JsDivergence,

    /// <summary>exp((alpha - 1) x) / (alpha - 1), and x where alpha is 1.</summary>
    AlphaDivergence,
}
