using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>The preference objective and how pairs become token ids (dDPO).</summary>
public sealed record DpoOptions : IOptionGroup
{
    /// <summary>beta of the paper's equation 2: how strongly the policy is held to the reference.</summary>
    [ConfigKey("beta of the DPO loss: how strongly the policy is held to the reference")]
    public double Beta { get; init; } = 0.1;

    /// <summary>sigmoid, hinge, ipo or robust.</summary>
    [ConfigKey("sigmoid, hinge, ipo or robust")]
    public string LossType { get; init; } = "sigmoid";

    /// <summary>Probability that a preference label is wrong (sigmoid: cDPO; robust), 0 to under 0.5.</summary>
    [ConfigKey("assumed share of wrong preference labels (sigmoid, robust), 0 to under 0.5")]
    public double LabelSmoothing { get; init; }

    /// <summary>The longest prompt and answer together, in tokens.</summary>
    [ConfigKey("longest prompt and answer together, in tokens")]
    public int MaxLength { get; init; } = 1024;

    /// <summary>The longest prompt, in tokens.</summary>
    [ConfigKey("longest prompt, in tokens")]
    public int MaxPromptLength { get; init; } = 512;

    /// <summary>Which part of a too long prompt is kept: keep_end or keep_start.</summary>
    [ConfigKey("which part of a too long prompt is kept: keep_end, keep_start")]
    public string TruncationMode { get; init; } = "keep_end";

    /// <summary>frozen: a second model in memory, the paper's four forward passes a step.</summary>
    [ConfigKey("where the reference log-probabilities come from: frozen (a second model in memory)")]
    public string Reference { get; init; } = "frozen";

    /// <summary>Folder of the reference model; the starting policy when null.</summary>
    [ConfigKey("folder of the reference model; the starting policy when not given")]
    public string? RefModelNameOrPath { get; init; }

    /// <summary>separate: one forward pass each for chosen and rejected; concatenated: both in one ragged pass. Same numbers.</summary>
    [ConfigKey("separate (chosen and rejected in a pass each) or concatenated (one ragged pass); same numbers")]
    public string PairLayout { get; init; } = "separate";

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate()
    {
        foreach (var problem in Positive("beta", Beta)) yield return problem;
        foreach (var problem in OneOf("loss_type", LossType, "sigmoid", "hinge", "ipo", "robust")) yield return problem;
        if (LabelSmoothing is not (>= 0 and < 0.5))
            yield return new("label_smoothing", $"must be at least 0 and under 0.5 (was {LabelSmoothing})");
        else if (LabelSmoothing > 0 && LossType is "hinge" or "ipo")
            yield return new("label_smoothing", $"has no meaning for loss_type {LossType}: set it to 0");
        foreach (var problem in AtLeast("max_length", MaxLength, 3)) yield return problem;
        foreach (var problem in AtLeast("max_prompt_length", MaxPromptLength, 2)) yield return problem;
        if (MaxPromptLength >= MaxLength)
            yield return new("max_prompt_length", $"must be under max_length ({MaxLength}), or no room is left for an answer (was {MaxPromptLength})");
        foreach (var problem in OneOf("truncation_mode", TruncationMode, "keep_end", "keep_start")) yield return problem;
        foreach (var problem in OneOf("reference", Reference, "frozen")) yield return problem;
        foreach (var problem in OneOf("pair_layout", PairLayout, "separate", "concatenated")) yield return problem;
    }
}
