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
}
