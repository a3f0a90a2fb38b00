using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>How a model that answers or is evaluated is loaded: every command that loads one takes these. Training has keys of the same names, which mean the same.</summary>
public sealed record LoadOptions : IOptionGroup
{
    /// <summary>auto (CUDA where there is one), cpu, cuda or cuda:N.</summary>
    [ConfigKey("auto, cpu, cuda or cuda:N")]
    public string Device { get; init; } = "auto";

    /// <summary>Data type of the weights in memory and of what is computed with them.</summary>
    [ConfigKey("float32, bfloat16, or auto: bfloat16 on a GPU that computes in it, float32 elsewhere", Alias = "torch_dtype")]
    public string Dtype { get; init; } = "auto";

    /// <summary>The linear maps of the plain model's layers are held in 4 bits (NF4), an adapter beside them: what training with this key computes with.</summary>
    [ConfigKey("hold the linear maps of the layers in 4 bits (NF4), an adapter beside them as in training with this key", Name = "load_in_4bit")]
    public bool LoadIn4Bit { get; init; }

    /// <summary>Double quantization: the factors of the 4-bit blocks are held in 8 bits.</summary>
    [ConfigKey("with load_in_4bit: hold the factors of the blocks in 8 bits too (double quantization): 4.13 bits a number in place of 4.5", Alias = "bnb_4bit_use_double_quant")]
    public bool UseBnbNestedQuant { get; init; }

    /// <summary>default, or native: see <see cref="ModelOptions.CpuKernels"/>. The first model of a process decides.</summary>
    [ConfigKey("matrix products on the CPU: default, or native (the processor's widest instructions, also on AMD; other last bits)")]
    public string CpuKernels { get; init; } = "default";

    /// <summary>Float32 unless something else is asked for: figures of an evaluation do not hang on the device.</summary>
    public static LoadOptions Exact => new() { Dtype = "float32" };

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. CheckHeld(Device, Dtype, LoadIn4Bit, UseBnbNestedQuant),
        .. OneOf("cpu_kernels", CpuKernels, "default", "native"),
    ];

    /// <summary>What an endpoint's entry and a command's options are both held to.</summary>
    internal static IEnumerable<ConfigProblem> CheckHeld(string device, string dtype, bool in4Bit, bool nested) =>
    [
        .. ModelOptions.CheckDevice(device),
        .. OneOf("dtype", dtype, "auto", "float32", "bfloat16"),
        .. StageChecks.NestedQuantization(in4Bit, nested),
    ];
}
