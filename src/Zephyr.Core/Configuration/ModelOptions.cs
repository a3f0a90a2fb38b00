using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>Which model a stage starts from and where it lives.</summary>
public sealed record ModelOptions : IOptionGroup
{
    /// <summary>Folder with config.json, *.safetensors and tokenizer.model.</summary>
    [ConfigKey("model folder: config.json, *.safetensors, tokenizer.model", Required = true)]
    public string ModelNameOrPath { get; init; } = "";

    /// <summary>The tokenizer's folder or file; the model's own when null.</summary>
    [ConfigKey("tokenizer folder or tokenizer.model file; the model's own when not given")]
    public string? TokenizerNameOrPath { get; init; }

    /// <summary>
    /// float32 or bfloat16: the data type of the weights that are written. bfloat16 goes with <c>bf16: true</c>, which float32 does too
    /// (the master copy).
    /// </summary>
    [ConfigKey("data type of the weights that are written: float32, or bfloat16 (with bf16: true)", Alias = "dtype")]
    public string TorchDtype { get; init; } = "float32";

    /// <summary>
    /// QLoRA: the linear maps of the layers are held in 4 bits (NF4) and stay as they are, an adapter learns beside them. Embedding, norms and head are not quantized, as in transformers.
    /// </summary>
    [ConfigKey("QLoRA: hold the linear maps of the layers in 4 bits (NF4), under the adapter that is trained (with use_peft)", Name = "load_in_4bit")]
    public bool LoadIn4Bit { get; init; }

    /// <summary>Double quantization: the factors of the 4-bit blocks are held in 8 bits.</summary>
    [ConfigKey("with load_in_4bit: hold the factors of the blocks in 8 bits too (double quantization): 4.13 bits a number in place of 4.5", Alias = "bnb_4bit_use_double_quant")]
    public bool UseBnbNestedQuant { get; init; }

    /// <summary>auto (CUDA where there is one), cpu, cuda or cuda:N.</summary>
    [ConfigKey("auto, cpu, cuda or cuda:N")]
    public string Device { get; init; } = "auto";

    /// <summary>
    /// default, or native: the matrix products of libtorch's CPU library take the kernels for what the processor can do, also where it is not Intel's. Other last bits.
    /// </summary>
    [ConfigKey("matrix products on the CPU: default, or native (the processor's widest instructions, also on AMD; other last bits)")]
    public string CpuKernels { get; init; } = "default";

    /// <summary>auto (FlashAttention 2 where it can run: on CUDA, in bf16), sdpa (sequence by sequence), or flash_attention_2, which is refused where it cannot run.</summary>
    [ConfigKey("how attention is computed: auto (flash_attention_2 on CUDA with bf16, sdpa elsewhere), sdpa, flash_attention_2")]
    public string AttnImplementation { get; init; } = "auto";

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. CheckAttention(AttnImplementation),
        .. OneOf("cpu_kernels", CpuKernels, "default", "native"),
        .. OneOf("torch_dtype", TorchDtype, "float32", "bfloat16"),
        .. CheckDevice(Device),
    ];

    /// <summary>Whether there is such a way; whether it can be gone is asked when device, data type and model are known.</summary>
    internal static IEnumerable<ConfigProblem> CheckAttention(string implementation) => OneOf("attn_implementation", implementation, "auto", "sdpa", "flash_attention_2");

    /// <summary>The form of a device's name; whether there is such a device is asked later.</summary>
    internal static IEnumerable<ConfigProblem> CheckDevice(string device) =>
        Matches("device", device, @"^(auto|cpu|cuda(:[0-9]+)?)\z", "auto, cpu, cuda or cuda:N");
}
