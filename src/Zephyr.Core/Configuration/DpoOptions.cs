using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>The preference objective and how pairs become token ids (dDPO).</summary>
public sealed record DpoOptions : IOptionGroup
{
    /// <summary>beta of the paper's equation 2: how strongly the policy is held to the reference.</summary>
    [ConfigKey("beta of the DPO loss: how strongly the policy is held to the reference")]
    public double Beta { get; init; } = 0.1;

    /// <summary>One loss, or a list whose weighted sum is the loss.</summary>
    [ConfigKey("sigmoid, hinge, ipo, ipo_sum, robust, exo_pair, nca_pair, bco_pair, sppo_hard, apo_zero, apo_down, aot, aot_unpaired, "
        + "discopop, sigmoid_norm, sft, or a list of them")]
    public IReadOnlyList<string> LossType { get; init; } = ["sigmoid"];

    /// <summary>The weight of each loss of the list; empty for 1 each.</summary>
    [ConfigKey("the weight of each loss of the list; 1 each when not given")]
    public IReadOnlyList<double> LossWeights { get; init; } = [];

    /// <summary>Probability that a preference label is wrong, 0 to under 0.5.</summary>
    [ConfigKey("assumed share of wrong preference labels (sigmoid, robust, exo_pair, aot), 0 to under 0.5")]
    public double LabelSmoothing { get; init; }

    /// <summary>Adds this times the mean negative log-likelihood of the chosen answer's tokens (TRL up to 0.28; later loss_type [sigmoid, sft]); null for none.</summary>
    [ConfigKey("adds this times the chosen answer's mean negative log-likelihood per token; none when not given")]
    public double? RpoAlpha { get; init; }

    /// <summary>LD-DPO (arXiv 2409.06411): weight of an answer's tokens beyond the shorter one's length, 0 to 1; null for plain sums.</summary>
    [ConfigKey("LD-DPO: weight of an answer's tokens beyond the shorter answer's length, 0 to 1; none when not given")]
    public double? LdAlpha { get; init; }

    /// <summary>reverse_kl (the usual), forward_kl, js_divergence or alpha_divergence: f-DPO (arXiv 2309.16240).</summary>
    [ConfigKey("f-DPO: reverse_kl (the usual), forward_kl, js_divergence, alpha_divergence")]
    public string FDivergenceType { get; init; } = "reverse_kl";

    /// <summary>alpha of alpha_divergence.</summary>
    [ConfigKey("alpha of f_divergence_type alpha_divergence")]
    public double FAlphaDivergenceCoef { get; init; } = 0.5;

    /// <summary>Temperature of discopop's mix of its two losses.</summary>
    [ConfigKey("temperature of loss_type discopop")]
    public double DiscopopTau { get; init; } = 0.05;

    /// <summary>How a pair becomes token ids: zephyr (rendered as one text), handbook-v0.3 (TRL 0.7.7) or trl (1.x).</summary>
    [ConfigKey("how a pair becomes token ids: zephyr, handbook-v0.3 (TRL 0.7.7), trl (1.x)")]
    public string Tokenization { get; init; } = "zephyr";

    /// <summary>The longest prompt and answer together, in tokens.</summary>
    [ConfigKey("longest prompt and answer together, in tokens")]
    public int MaxLength { get; init; } = 1024;

    /// <summary>The longest prompt, in tokens.</summary>
    [ConfigKey("longest prompt, in tokens; of no meaning for tokenization trl")]
    public int MaxPromptLength { get; init; } = 512;

    /// <summary>Which part of a too long prompt is kept: keep_end or keep_start.</summary>
    [ConfigKey("which part of a too long prompt is kept: keep_end, keep_start")]
    public string TruncationMode { get; init; } = "keep_end";

    /// <summary>
    /// frozen: a second model in memory, the paper's four forward passes a step; cached: computed once before training, so that it is not in memory then; adapter: the policy
    /// with its adapter off, or as it was when it started.
    /// </summary>
    [ConfigKey("where the reference log-probabilities come from: frozen (a second model in memory), cached (computed once before training, kept in output_dir), "
        + "adapter (with use_peft: the policy with its adapter off, or as it stood at the start where that was an adapter)")]
    public string Reference { get; init; } = "frozen";

    /// <summary>Folder of the reference model; the starting policy when null.</summary>
    [ConfigKey("folder of the reference model; the starting policy when not given")]
    public string? RefModelNameOrPath { get; init; }

    /// <summary>Apply no dropout to adapters, so that policy and reference differ by what is learnt alone. TRL's default too.</summary>
    [ConfigKey("with use_peft: apply no lora_dropout, as TRL in DPO")]
    public bool DisableDropout { get; init; } = true;

    /// <summary>
    /// separate: one forward pass each for chosen and rejected; concatenated: both in one ragged pass; shared_prefix: one ragged pass in
    /// which each prompt stands once. Same numbers.
    /// </summary>
    [ConfigKey("separate (chosen and rejected in a pass each), concatenated (one ragged pass), shared_prefix (and each prompt once); same numbers")]
    public string PairLayout { get; init; } = "separate";

    private static readonly string[] LossTypes =
    [
        "sigmoid", "hinge", "ipo", "ipo_sum", "robust", "exo_pair", "nca_pair", "bco_pair", "sppo_hard", "apo_zero", "apo_down", "aot", "aot_unpaired",
        "discopop", "sigmoid_norm", "sft",
    ];

    private static readonly string[] Smoothed = ["sigmoid", "robust", "exo_pair", "aot", "aot_unpaired"];

    /// <summary>Losses on log-ratios as they are, or on none.</summary>
    private static readonly string[] WithoutDivergence = ["apo_zero", "aot", "aot_unpaired", "sft"];

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate()
    {
        foreach (var problem in Positive("beta", Beta)) yield return problem;
        foreach (var problem in LossType.SelectMany(loss => OneOf("loss_type", loss, LossTypes))) yield return problem;
        if (LossType.Count == 0) yield return new("loss_type", "must name a loss (was empty)");
        if (LossType.Distinct().Count() < LossType.Count) yield return new("loss_type", "names a loss twice: give it one weight in loss_weights");
        if (LossWeights.Count > 0 && LossWeights.Count != LossType.Count)
            yield return new("loss_weights", $"must have as many numbers as loss_type has losses ({LossType.Count}; were {LossWeights.Count})");
        foreach (var problem in LossWeights.SelectMany(weight => AtLeast("loss_weights", weight, 0))) yield return problem;
        if (LossWeights.Count > 0 && LossWeights.All(weight => weight == 0) && RpoAlpha is null or 0)
            yield return new("loss_weights", "must have a number above 0, or there is nothing to learn");
        if (LabelSmoothing is not (>= 0 and < 0.5))
            yield return new("label_smoothing", $"must be at least 0 and under 0.5 (was {LabelSmoothing})");
        else if (LabelSmoothing > 0 && !LossType.Any(Smoothed.Contains))
            yield return new("label_smoothing", $"has no meaning for loss_type {string.Join(", ", LossType)}: set it to 0");
        else if (LabelSmoothing == 0 && LossType.Contains("exo_pair"))
            yield return new("label_smoothing", "must be above 0 for loss_type exo_pair, whose formula takes its logarithm (TRL uses 1e-3)");
        if (RpoAlpha is { } alpha)
            foreach (var problem in AtLeast("rpo_alpha", alpha, 0)) yield return problem;
        if (LdAlpha is { } share)
            foreach (var problem in InRange("ld_alpha", share, 0, 1)) yield return problem;
        foreach (var problem in OneOf("f_divergence_type", FDivergenceType, "reverse_kl", "forward_kl", "js_divergence", "alpha_divergence")) yield return problem;
        if (FDivergenceType != "reverse_kl" && LossType.Count > 0 && LossType.All(WithoutDivergence.Contains))
            yield return new("f_divergence_type", $"has no meaning for loss_type {string.Join(", ", LossType)}: write reverse_kl (was {FDivergenceType})");
        foreach (var problem in Positive("f_alpha_divergence_coef", FAlphaDivergenceCoef)) yield return problem;
        foreach (var problem in Positive("discopop_tau", DiscopopTau)) yield return problem;
        foreach (var problem in OneOf("tokenization", Tokenization, "zephyr", "handbook-v0.3", "trl")) yield return problem;
        foreach (var problem in AtLeast("max_length", MaxLength, 3)) yield return problem;
        foreach (var problem in AtLeast("max_prompt_length", MaxPromptLength, 2)) yield return problem;
        // TRL 1.x knows no prompt length, and cutting the front would give the two answers of a pair different prompts.
        if (Tokenization == "trl" && TruncationMode == "keep_end") yield return new("truncation_mode", "must be keep_start for tokenization trl (was keep_end)");
        if (Tokenization != "trl" && MaxPromptLength >= MaxLength)
            yield return new("max_prompt_length", $"must be under max_length ({MaxLength}), or no room is left for an answer (was {MaxPromptLength})");
        foreach (var problem in OneOf("truncation_mode", TruncationMode, "keep_end", "keep_start")) yield return problem;
        foreach (var problem in OneOf("reference", Reference, "frozen", "cached", "adapter")) yield return problem;
        foreach (var problem in OneOf("pair_layout", PairLayout, "separate", "concatenated", "shared_prefix")) yield return problem;
    }
}
