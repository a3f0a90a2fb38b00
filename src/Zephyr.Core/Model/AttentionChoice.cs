using TorchSharp;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>Which way attention goes: what <c>attn_implementation</c> asks for, and what device, data type and model allow.</summary>
public static class AttentionChoice
{
    /// <summary>FlashAttention 2 where it can run, sequence by sequence elsewhere.</summary>
    public const string Auto = "auto";

    /// <summary>Sequence by sequence, on any device.</summary>
    public const string Sdpa = "sdpa";

    /// <summary>FlashAttention 2, or a refusal.</summary>
    public const string Flash = "flash_attention_2";

    /// <summary>Refuses what cannot be, and says in a few words what will be.</summary>
    /// <exception cref="UserErrorException">FlashAttention 2 was asked for and cannot run; the message says why.</exception>
    public static string Describe(string implementation, Device device, ScalarType dtype, MistralConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        return Of(implementation, device, dtype, config.HeadDim, FlashProbe.Problem) is not null ? "FlashAttention 2 over whole batches"
            : implementation == Sdpa ? "sequence by sequence" : $"sequence by sequence, as {WhyNoFlash(device, dtype, config.HeadDim, FlashProbe.Problem)}";
    }

    /// <param name="implementation">auto, sdpa or flash_attention_2.</param>
    /// <param name="device">Where the model is.</param>
    /// <param name="dtype">Of queries, keys and values.</param>
    /// <param name="headDim">E.</param>
    /// <param name="probe">Tries the kernel on a device for a width: null where it works, otherwise why not.</param>
    /// <returns>The kernel for whole batches; null to go sequence by sequence.</returns>
    internal static IVarlenKernel? Of(string implementation, Device device, ScalarType dtype, int headDim, Func<Device, int, string?> probe)
    {
        if (implementation == Sdpa) return null;
        if (WhyNoFlash(device, dtype, headDim, probe) is not { } reason) return FlashKernel.Instance;
        return implementation == Auto ? null
            : throw new UserErrorException($"attn_implementation: {Flash} was asked for, but {reason}; expected {Auto} or {Sdpa}");
    }

    private static string? WhyNoFlash(Device device, ScalarType dtype, int headDim, Func<Device, int, string?> probe) =>
        device.type != DeviceType.CUDA ? $"it runs on CUDA and the device is {device}"
        : dtype is not (ScalarType.BFloat16 or ScalarType.Float16) ? "it computes in 16 bits and the model is in float32 (bf16: true changes that)"
        : headDim % 8 != 0 || headDim > 256 ? $"it takes heads of a multiple of 8, up to 256, and the model's head_dim is {headDim}"
        : probe(device, headDim) is { } problem ? $"it does not work on {device}: {problem}"
        : null;
}
