using System.Globalization;
using System.Runtime.InteropServices;
using System.Text;

namespace Zephyr.Runtime;

/// <summary>A GPU as its driver describes it.</summary>
/// <param name="Index">N of cuda:N.</param>
/// <param name="Name">What it is sold as.</param>
/// <param name="Capability">Compute capability: which instructions it has.</param>
/// <param name="TotalBytes">Its memory.</param>
/// <param name="Multiprocessors">How many.</param>
public sealed record CudaDevice(int Index, string Name, Version Capability, long TotalBytes, int Multiprocessors);

/// <summary>
/// NVIDIA's driver, asked directly: libtorch answers with no more than "not available", and TorchSharp does not bind its memory statistics. Nothing here needs libtorch; where there is
/// no driver nothing throws.
/// </summary>
public static partial class CudaDriver
{
    private const string Library = "libcuda.so.1";

    // Of the driver API (cuda.h): CU_DEVICE_ATTRIBUTE_MULTIPROCESSOR_COUNT, _COMPUTE_CAPABILITY_MAJOR and _MINOR.
    private const int MultiprocessorCount = 16, CapabilityMajor = 75, CapabilityMinor = 76;

    /// <summary>Why there is no CUDA device; null where there is one. Asked once.</summary>
    public static string? Problem => State.Value.Problem;

    /// <summary>The devices that this process may see, in the order of cuda:0, cuda:1, ...</summary>
    public static IReadOnlyList<CudaDevice> Devices => State.Value.Devices;

    /// <summary>The newest CUDA that the driver serves; null without one.</summary>
    public static Version? Serves => State.Value.Serves;

    /// <summary>The driver's own version, as the kernel module states it; null where it does not.</summary>
    public static string? Version
    {
        get
        {
            try
            {
                // NVRM version: NVIDIA UNIX x86_64 Kernel Module  550.54.15  Tue Mar  5 22:23:56 UTC 2024
                return File.ReadLines("/proc/driver/nvidia/version").First().Split(' ', StringSplitOptions.RemoveEmptyEntries)
                    .FirstOrDefault(word => char.IsAsciiDigit(word[0]) && word.Contains('.', StringComparison.Ordinal));
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException or InvalidOperationException)
            {
                return null;
            }
        }
    }

    /// <summary>Free and whole memory of a device now, whoever uses it; null where the driver does not say. Makes a context there if the process has none, which takes some hundred MB.</summary>
    public static (long Free, long Total)? Memory(int index)
    {
        if (index >= Devices.Count || DeviceGet(out var device, index) != 0 || Retain(out var context, device) != 0) return null;
        try
        {
            if (Push(context) != 0) return null;
            var found = MemoryInfo(out var free, out var total);
            _ = Pop(out _);
            return found == 0 ? ((long)free, (long)total) : null;
        }
        finally
        {
            _ = Release(device);
        }
    }

    private sealed record Found(string? Problem, IReadOnlyList<CudaDevice> Devices, Version? Serves);

    private static readonly Lazy<Found> State = new(Look);

    private static Found Look()
    {
        try
        {
            // It reads CUDA_VISIBLE_DEVICES itself, as libtorch's CUDA does through it.
            var started = Initialize(0);
            var serves = DriverVersion(out var version) == 0 ? new Version(version / 1000, version % 1000 / 10) : null;
            if (started != 0) return new(WordsFor(started), [], serves);
            if (DeviceCount(out var count) != 0 || count == 0) return new(WordsFor(NoDevice), [], serves);
            return new(null, [.. Enumerable.Range(0, count).Select(Describe)], serves);
        }
        catch (Exception error) when (error is DllNotFoundException or EntryPointNotFoundException or BadImageFormatException)
        {
            return new($"there is no NVIDIA driver ({Library} does not load)", [], null);
        }
    }

    private const int NoDevice = 100;

    /// <summary>CUresult in words, for what can happen at the start.</summary>
    internal static string WordsFor(int result, string? visible = null)
    {
        visible ??= Environment.GetEnvironmentVariable("CUDA_VISIBLE_DEVICES");
        return result switch
        {
            NoDevice when visible is not null => $"the driver shows no GPU: CUDA_VISIBLE_DEVICES is '{visible}'",
            NoDevice => "the driver finds no GPU",
            803 => "the driver and its library are of different versions (a reboot after the driver's update helps)",
            804 => "the driver is older than the compatibility library that was loaded for it",
            802 or 3 => "the driver is not ready yet (on machines with NVSwitch its fabric manager has to run)",
            999 or 304 => "the driver does not answer (is the device passed into this container?)",
            _ => string.Create(CultureInfo.InvariantCulture, $"the driver does not start (CUDA error {result})"),
        };
    }

    private static CudaDevice Describe(int index)
    {
        _ = DeviceGet(out var device, index);
        Span<byte> name = stackalloc byte[256];
        _ = DeviceName(name, name.Length, device);
        _ = TotalMemory(out var bytes, device);
        return new(index, Encoding.UTF8.GetString(name[..name.IndexOf((byte)0)]), new(Attribute(CapabilityMajor), Attribute(CapabilityMinor)), (long)bytes, Attribute(MultiprocessorCount));

        int Attribute(int which) => DeviceAttribute(out var value, which, device) == 0 ? value : 0;
    }

    [LibraryImport(Library, EntryPoint = "cuInit")]
    private static partial int Initialize(uint flags);

    [LibraryImport(Library, EntryPoint = "cuDriverGetVersion")]
    private static partial int DriverVersion(out int version);

    [LibraryImport(Library, EntryPoint = "cuDeviceGetCount")]
    private static partial int DeviceCount(out int count);

    [LibraryImport(Library, EntryPoint = "cuDeviceGet")]
    private static partial int DeviceGet(out int device, int index);

    [LibraryImport(Library, EntryPoint = "cuDeviceGetName")]
    private static partial int DeviceName(Span<byte> name, int length, int device);

    [LibraryImport(Library, EntryPoint = "cuDeviceTotalMem_v2")]
    private static partial int TotalMemory(out nuint bytes, int device);

    [LibraryImport(Library, EntryPoint = "cuDeviceGetAttribute")]
    private static partial int DeviceAttribute(out int value, int which, int device);

    [LibraryImport(Library, EntryPoint = "cuDevicePrimaryCtxRetain")]
    private static partial int Retain(out nint context, int device);

    [LibraryImport(Library, EntryPoint = "cuDevicePrimaryCtxRelease_v2")]
    private static partial int Release(int device);

    [LibraryImport(Library, EntryPoint = "cuCtxPushCurrent_v2")]
    private static partial int Push(nint context);

    [LibraryImport(Library, EntryPoint = "cuCtxPopCurrent_v2")]
    private static partial int Pop(out nint context);

    [LibraryImport(Library, EntryPoint = "cuMemGetInfo_v2")]
    private static partial int MemoryInfo(out nuint free, out nuint total);
}
