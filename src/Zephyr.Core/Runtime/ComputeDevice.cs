using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Zephyr.Runtime;

/// <summary>Which device a run uses.</summary>
public static class ComputeDevice
{
    /// <summary>Turns auto, cpu, cuda or cuda:N into a device that is there.</summary>
    /// <exception cref="UserErrorException">There is no such name, or CUDA was asked for and is not to be had; the message says why.</exception>
    public static Device Resolve(string name)
    {
        var index = 0;
        if (name is not ("auto" or "cpu" or "cuda")
            && !(name.StartsWith("cuda:", StringComparison.Ordinal) && int.TryParse(name.AsSpan(5), NumberStyles.None, CultureInfo.InvariantCulture, out index)))
            throw new UserErrorException($"device: found {name}, expected auto, cpu, cuda or cuda:N");
        var native = NativeTorch.Load();
        if (name == "cpu") return CPU;
        // Asked only where a CUDA libtorch was loaded: TorchSharp's search for one would copy half a gigabyte about.
        var available = native.HasCuda && cuda.is_available();
        if (name == "auto") return available ? new Device(DeviceType.CUDA, 0) : CPU;
        if (!native.HasCuda)
            throw new UserErrorException($"device: {name} was asked for, but the libtorch in use ({native.Origin}) has no CUDA; set "
                + $"{NativeTorch.EnvironmentVariable} to the lib folder of a PyTorch {NativeTorch.SupportedVersion} with CUDA, or build with -p:Cuda=true");
        if (!available)
            throw new UserErrorException($"device: {name} was asked for, and libtorch {native.Version} has CUDA, but no usable GPU or driver was found");
        var count = cuda.device_count();
        return index < count ? new Device(DeviceType.CUDA, index)
            : throw new UserErrorException($"device: {name} was asked for, but there are {count} CUDA devices (cuda:0 to cuda:{count - 1})");
    }
}
