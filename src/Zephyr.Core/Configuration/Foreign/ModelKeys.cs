using static Zephyr.Configuration.Foreign.ForeignKey;

namespace Zephyr.Configuration.Foreign;

/// <summary>TRL's ModelConfig and the handbook's ModelArguments, as far as they are not keys of ours.</summary>
internal static class ModelKeys
{
    /// <summary>What can stand in model_init_kwargs without changing the model that is loaded.</summary>
    private static readonly string[] Harmless =
        ["torch_dtype", "dtype", "attn_implementation", "use_cache", "trust_remote_code", "revision", "device_map", "low_cpu_mem_usage"];

    public static IEnumerable<ForeignKey> All =>
    [
        Switch("use_flash_attention_2", "attn_implementation", "flash_attention_2", whenFalse: null),
        .. Ignore("a model is a folder on disk, of the revision that was downloaded", "model_revision", "base_model_revision", "model_code_revision"),
        .. Ignore("no code comes with a model here", "trust_remote_code"),
        .. Refuse("null or []", "modules that are trained as a whole beside the adapter are not implemented: remove it", "lora_modules_to_save", "lora_target_parameters"),
        .. Refuse("CAUSAL_LM", "adapters are for language models: write CAUSAL_LM", "lora_task_type"),
        .. Refuse("false", "weight-decomposed adapters (DoRA) are not implemented: write false", "use_dora"),
        .. Refuse("false", "weights of 8 bits are not implemented, those of 4 bits are: write false, and load_in_4bit: true with use_peft: true for QLoRA", "load_in_8bit"),
        .. Refuse("nf4", "NF4 is the code book that is implemented: write nf4", "bnb_4bit_quant_type"),
        .. Ignore("codes are held as bytes, which changes no number", "bnb_4bit_quant_storage"),
        ComputeDtype,
        .. InitKwargs("model_init_kwargs"),
        .. InitKwargs("ref_model_init_kwargs"),
        .. Refuse("null", "a run has one adapter, the one that it starts from or makes, and reference says what it is held to: remove it", "model_adapter_name", "ref_adapter_name"),
        .. Ignore("reference says which reference there is", "force_use_ref_model"),
        .. Refuse("false", "only decoder models are trained: write false", "is_encoder_decoder"),
        .. Ignore("Mistral has no experts", "router_aux_loss_coef"),
        .. Ignore("the model's layers are known by name", "base_model_attribute_name"),
    ];

    /// <summary>What 4-bit weights are multiplied in is what everything else is.</summary>
    private static ForeignKey ComputeDtype => new("bnb_4bit_compute_dtype", "refused unless it is what bf16 says, bfloat16 with bf16: true and float32 otherwise", (value, given) =>
    {
        var dtype = given.Says("bf16", "true") ? "bfloat16" : "float32";
        return value.IsEmpty() || value.Says(dtype) ? [] : [new Refused($"products are taken in {dtype}, as bf16 says: write {dtype}, or change bf16")];
    });

    private static IEnumerable<ForeignKey> InitKwargs(string name) =>
    [
        new(name, $"refused where it holds more than {string.Join(", ", Harmless)}, which are ignored: torch_dtype is a key of its own", (value, _) => value switch
        {
            _ when value.IsEmpty() => [],
            YamlMapping mapping when mapping.Items.FirstOrDefault(item => !Harmless.Contains(item.Key)) is { Key: { } other } =>
                [new Refused($"the model is loaded as its config.json says, and {other} cannot be changed: remove it")],
            YamlMapping => [new Ignored("the model is loaded as its config.json says, and torch_dtype is a key of its own")],
            _ => [new Refused("expected names with values")],
        }),
    ];
}
