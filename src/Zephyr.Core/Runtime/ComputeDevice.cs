using System.Collections.Concurrent;
using System.Globalization;
using TorchSharp;
using static TorchSharp.torch;

namespace Zephyr.Runtime;

/// <summary>Which device a run uses, and how it multiplies there.</summary>
public static class ComputeDevice
{
    private static readonly ConcurrentDictionary<int, bool> Tested = new();

    /// <summary>Turns auto, cpu, cuda or cuda:N into a device that is there and passes the self-tests.</summary>
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
        if (name == "auto" && !available) return CPU;
        if (!native.HasCuda)
            throw new UserErrorException($"device: {name} was asked for, but the libtorch in use ({native.Origin}) has no CUDA; set "
                + $"{NativeTorch.EnvironmentVariable} to the lib folder of a PyTorch {NativeTorch.SupportedVersion} with CUDA, or build with -p:Cuda=true");
        if (!available) throw new UserErrorException($"device: {name} was asked for, but {WhyUnavailable(native, CudaDriver.Problem, CudaDriver.Serves)}");
        var count = cuda.device_count();
        if (index >= count) throw new UserErrorException(NoSuchDevice(name, count));
        var device = new Device(DeviceType.CUDA, index);
        // One that failed is tested again.
        _ = Tested.GetOrAdd(index, _ =>
        {
            TorchSelfTest.Require(native, device);
            return true;
        });
        return device;
    }

    /// <summary>Why libtorch has CUDA and does not use it.</summary>
    /// <param name="native">Which libtorch.</param>
    /// <param name="driverProblem">What is wrong with the driver; null where nothing is.</param>
    /// <param name="serves">The newest CUDA that the driver serves.</param>
    internal static string WhyUnavailable(NativeTorchInfo native, string? driverProblem, Version? serves) =>
        driverProblem is not null ? $"{driverProblem}; expected a machine with an NVIDIA GPU and its driver, or device: cpu"
        // Within a major version an older driver serves (CUDA's minor version compatibility).
        : serves is not null && native.Cuda is { } built && serves.Major < built.Major
            ? $"the driver serves CUDA up to {serves} and libtorch {native.Version} is built for CUDA {built}; expected a newer driver, or a PyTorch for CUDA {serves.Major}"
        : $"libtorch {native.Version} finds no usable GPU, though the driver has one; expected a PyTorch whose CUDA fits the driver, or device: cpu";

    internal static string NoSuchDevice(string name, int count) => count == 1
        ? $"device: {name} was asked for, but there is one CUDA device, cuda:0"
        : $"device: {name} was asked for, but there are {count} CUDA devices (cuda:0 to cuda:{count - 1})";

    /// <summary>Whether a device computes in bf16: a GPU from compute capability 8.0 on. Older ones emulate the products, and their attention kernels refuse it.</summary>
    public static bool HasBfloat16(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return device.type == DeviceType.CUDA && CudaDriver.Devices.ElementAtOrDefault(Math.Max(0, device.index)) is not { Capability.Major: < 8 };
    }

    /// <summary>
    /// Lets float32 products on a GPU round their operands to TF32 (10 bits of mantissa), or not: libtorch's own default is not. It concerns the whole process. The norms, softmaxes and
    /// losses of a run are no products and stay in full precision.
    /// </summary>
    /// <returns>A word to the user where it was asked for and changes nothing; null otherwise.</returns>
    public static string? AllowTf32(bool allowed, Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        NativeTorch.Load();
        backends.cuda.matmul.allow_tf32 = allowed;
        backends.cudnn.allow_tf32 = allowed;
        if (!allowed) return null;
        if (device.type != DeviceType.CUDA) return $"tf32: true changes nothing on the {device}, whose float32 products keep their full precision";
        return CudaDriver.Devices.ElementAtOrDefault(Math.Max(0, device.index)) is { Capability.Major: < 8 } old
            ? $"tf32: true changes nothing on {device}: {old.Name} has compute capability {old.Capability}, and TF32 begins with 8.0" : null;
    }
}

/// <summary>A GPU's memory as its driver counts it: libtorch keeps what it has once taken, so what is taken at the end of some steps is the most that they needed.</summary>
public static class DeviceMemory
{
    /// <summary>Bytes in use, by this process and others; null on the CPU, and where the driver does not say.</summary>
    public static long? Used(Device device) => Of(device) is { } memory ? memory.Total - memory.Free : null;

    /// <summary>Free and whole memory; null on the CPU, and where the driver does not say.</summary>
    public static (long Free, long Total)? Of(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        return device.type == DeviceType.CUDA ? CudaDriver.Memory(Math.Max(0, device.index)) : null;
    }

    /// <summary>Waits for all that was asked of a device; nothing to wait for on the CPU.</summary>
    public static void Synchronize(Device device)
    {
        ArgumentNullException.ThrowIfNull(device);
        if (device.type == DeviceType.CUDA) cuda.synchronize(device);
    }
}
