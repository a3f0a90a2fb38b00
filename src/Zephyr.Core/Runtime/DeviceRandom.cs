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
}
