using static TorchSharp.torch;

namespace Zephyr.Runtime;

/// <summary>A GPU's random numbers. TorchSharp makes no generators of their own there, so this sets the device's only one; who draws seeds it first.</summary>
internal static class DeviceRandom
{
    /// <summary>Makes what is drawn on the device from here on a function of the seed.</summary>
    public static void Seed(Device device, long seed)
    {
        if (device.type == TorchSharp.DeviceType.CUDA) cuda.manual_seed_all(seed);
    }

    /// <summary>Ones and zeros, drawn independently: a function of the seed, the number of elements and the model of GPU.</summary>
    /// <param name="like">Gives shape, data type and device, a GPU.</param>
    /// <param name="share">Probability of a one.</param>
    /// <param name="seed">Of the draws.</param>
    public static Tensor KeepMask(Tensor like, double share, ulong seed)
    {
        Seed(like.device, unchecked((long)seed));
        return empty(like.shape, dtype: like.dtype, device: like.device).bernoulli_(share);
    }

    /// <summary>
    /// Rounds finite numbers to bf16 at random (<see cref="TorchOps.RoundToBfloat16(Tensor, Tensor, ulong, long)"/>). On the CPU draws are a hash; a GPU would spend some two seconds of a step of 7B on that hash
    /// (by count) and draws with its generator, which gives the same on the same model of GPU.
    /// </summary>
    /// <param name="target">bf16; filled.</param>
    /// <param name="x">fp32, one axis, as many.</param>
    /// <param name="key">Of the draws.</param>
    /// <param name="begin">Place of the first number.</param>
    public static void RoundToBfloat16(Tensor target, Tensor x, ulong key, long begin)
    {
        if (target.device.type == TorchSharp.DeviceType.CPU) TorchOps.RoundToBfloat16(target, x, key, begin);
        else RoundByGenerator(target, x, key, begin);
    }

    /// <summary>A GPU's way, which the CPU has too, unseeded.</summary>
    internal static void RoundByGenerator(Tensor target, Tensor x, ulong key, long begin) =>
        TorchOps.InPieces(target, (at, piece) =>
        {
            Seed(piece.device, unchecked((long)new SeededRandom(unchecked((long)key), begin + at).NextUInt64()));
            TorchOps.RoundToBfloat16(piece, x.narrow(0, at, piece.numel()), empty(piece.numel(), dtype: ScalarType.Int32, device: piece.device).random_(0, 1 << 16));
        });
}
