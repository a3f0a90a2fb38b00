using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>Adapters: low-rank matrices (LoRA, arXiv 2106.09685) that learn beside weights that stay as they are.</summary>
public sealed record LoraOptions : IOptionGroup
{
    /// <summary>Train an adapter in place of all weights. What is written is a PEFT adapter folder.</summary>
    [ConfigKey("train a LoRA adapter in place of all weights; what is written is a PEFT adapter folder")]
    public bool UsePeft { get; init; }

    /// <summary>Rank of the two factors.</summary>
    [ConfigKey("rank of the adapter's factors")]
    public int LoraR { get; init; } = 16;

    /// <summary>The adapter's product is scaled by this over the rank, or over its root with <see cref="UseRslora"/>.</summary>
    [ConfigKey("the adapter's product is scaled by lora_alpha / lora_r")]
    public double LoraAlpha { get; init; } = 32;

    /// <summary>Probability that an element of an adapter's input is dropped in training.</summary>
    [ConfigKey("probability that an element of the adapter's input is dropped in training, 0 to under 1")]
    public double LoraDropout { get; init; } = 0.05;

    /// <summary>Which linear maps of each layer are adapted.</summary>
    [ConfigKey("adapted maps of each layer: any of q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj, or all-linear")]
    public IReadOnlyList<string> LoraTargetModules { get; init; } = ["q_proj", "v_proj"];

    /// <summary>Scale by alpha / sqrt(r) (rsLoRA, arXiv 2312.03732).</summary>
    [ConfigKey("scale by lora_alpha / sqrt(lora_r) (rsLoRA)")]
    public bool UseRslora { get; init; }

    /// <summary>The plain model under an adapter folder that the run starts from; what its adapter_config.json names when null.</summary>
    [ConfigKey("plain model under an adapter folder that the run starts from; the one that its adapter_config.json names when not given")]
    public string? BaseModelNameOrPath { get; init; }

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. AtLeast("lora_r", LoraR, 1),
        .. Positive("lora_alpha", LoraAlpha),
        .. LoraDropout is >= 0 and < 1 ? [] : new ConfigProblem[] { new("lora_dropout", $"must be at least 0 and under 1 (was {LoraDropout})") },
        .. LoraTargetModules.Count > 0 ? [] : new ConfigProblem[] { new("lora_target_modules", "must name a map (was empty)") },
        .. LoraTargetModules is [ProjectionNames.AllLinear] ? []
            : LoraTargetModules.SelectMany(module => OneOf("lora_target_modules", module, [.. ProjectionNames.All, ProjectionNames.AllLinear]))
                .Concat(LoraTargetModules.Contains(ProjectionNames.AllLinear) ? [new("lora_target_modules", "all-linear stands alone")] : []),
        .. NamedTwice(LoraTargetModules),
    ];

    private static IEnumerable<ConfigProblem> NamedTwice(IReadOnlyList<string> modules) =>
        modules.Distinct().Count() < modules.Count ? [new("lora_target_modules", "names a map twice")] : [];
}
