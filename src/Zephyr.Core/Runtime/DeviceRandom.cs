using static TorchSharp.torch;

namespace Zephyr.Runtime;

/// <summary>
/// What a step draws, and how its device draws it: the CPU by a hash that is the same on every device (<see cref="TorchOps"/>). By count a GPU would spend as long on that hash as on the rest of a step, and
/// takes its generator, which gives the same on the same model of GPU. TorchSharp makes no generators of their own there, so this sets the device's only one; who draws seeds it first.
/// </summary>
internal static class DeviceRandom
{
    /// <summary>Makes what is drawn on the device from here on a function of the seed.</summary>
    public static void Seed(Device device, long seed)
    {
        if (device.type == TorchSharp.DeviceType.CUDA) cuda.manual_seed_all(seed);
    }

    /// <summary>Ones and zeros, drawn independently.</summary>
    /// <param name="like">Gives shape, data type and device.</param>
    /// <param name="share">Probability of a one.</param>
    /// <param name="seed">Of the draws.</param>
    /// <param name="portable">By the hash on a GPU too.</param>
    public static Tensor KeepMask(Tensor like, double share, ulong seed, bool portable)
    {
        if (Hashes(like, portable)) return TorchOps.KeepMask(like, share, seed);
        Seed(like.device, unchecked((long)seed));
        return empty(like.shape, dtype: like.dtype, device: like.device).bernoulli_(share);
    }

    /// <summary>Rounds finite numbers to bf16 at random.</summary>
    /// <param name="target">bf16; filled.</param>
    /// <param name="x">fp32, one axis, as many.</param>
    /// <param name="key">Of the draws.</param>
    /// <param name="begin">Place of the first number.</param>
    /// <param name="portable">By the hash on a GPU too.</param>
    public static void RoundToBfloat16(Tensor target, Tensor x, ulong key, long begin, bool portable)
    {
        if (Hashes(target, portable)) TorchOps.RoundToBfloat16(target, x, key, begin);
        else RoundByGenerator(target, x, key, begin);
    }

    /// <summary>A GPU's way, which the CPU has too, unseeded.</summary>
    internal static void RoundByGenerator(Tensor target, Tensor x, ulong key, long begin) =>
        TorchOps.InPieces(target, (at, piece) =>
        {
            Seed(piece.device, unchecked((long)new SeededRandom(unchecked((long)key), begin + at).NextUInt64()));
            TorchOps.RoundToBfloat16(piece, x.narrow(0, at, piece.numel()), empty(piece.numel(), dtype: ScalarType.Int32, device: piece.device).random_(0, 1 << 16));
        });

    private static bool Hashes(Tensor tensor, bool portable) => portable || tensor.device.type == TorchSharp.DeviceType.CPU;
}
