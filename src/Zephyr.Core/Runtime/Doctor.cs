using System.Globalization;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Zephyr.Runtime;

/// <summary>One thing that was looked at.</summary>
/// <param name="What">Its name.</param>
/// <param name="Found">What is there.</param>
/// <param name="Remark">What follows from it, or would go wrong.</param>
/// <param name="IsProblem">A run would fail on it.</param>
public sealed record Finding(string What, string Found, string Remark = "", bool IsProblem = false);

/// <summary>Looks at the machine the way a run would, and says what it found and what would go wrong.</summary>
public static class Doctor
{
    /// <summary>Every finding, in the order in which a run meets them. Throws nothing.</summary>
    /// <param name="device">What a run would be told: auto, cpu, cuda or cuda:N. The self-tests run there too.</param>
    public static IReadOnlyList<Finding> Examine(string device = "auto")
    {
        List<Finding> findings =
        [
            new("system", $"{RuntimeInformation.OSDescription} {RuntimeInformation.OSArchitecture}",
                RuntimeInformation.OSArchitecture == Architecture.X64 ? "" : "only x64 is supported", RuntimeInformation.OSArchitecture != Architecture.X64),
            new(".NET", Environment.Version.ToString()),
            new("processors", $"{Environment.ProcessorCount}"),
            new("memory", Gibibytes(GC.GetGCMemoryInfo().TotalAvailableMemoryBytes)),
            new(NativeTorch.EnvironmentVariable, Environment.GetEnvironmentVariable(NativeTorch.EnvironmentVariable) is { Length: > 0 } path ? path : "not set"),
        ];
        try
        {
            var native = NativeTorch.Load();
            findings.AddRange(ExamineTorch(native));
            findings.AddRange(ExamineCuda(native));
            findings.AddRange(ExamineDevice(device));
        }
        catch (UserErrorException error)
        {
            findings.Add(new("libtorch", "not usable", error.Message, IsProblem: true));
        }
        return findings;
    }

    private static IEnumerable<Finding> ExamineTorch(NativeTorchInfo native)
    {
        yield return new("libtorch", $"{native.Version} in {native.Folder}",
            native.IsSupported ? native.Origin : $"{native.Origin}; {NativeTorch.SupportedVersion}.x is supported, the self-tests below say whether this one serves");
        yield return new("TorchSharp's library", native.Repaired ? "loaded from a repaired private copy" : "loaded as it came",
            string.Join("; ", (string[])[.. native.Repaired ? [$"this system's libstdc++ lacks {ElfRepair.MissingVersion}"] : Array.Empty<string>(),
                .. native.Lacks.Count > 0 ? [$"this libtorch lacks {native.Lacks.Count} of the functions that it calls ({native.Lacks[0]}, ...)"] : Array.Empty<string>()]));
        var failures = TorchSelfTest.Run();
        yield return new("self-tests", failures.Count == 0 ? "all passed" : $"failed: {string.Join(", ", failures)}",
            failures.Count == 0 ? "" : "no run can be trusted to this libtorch", failures.Count > 0);
        yield return new("threads", $"{torch.get_num_threads()}");
    }

    private static IEnumerable<Finding> ExamineCuda(NativeTorchInfo native)
    {
        if (CudaDriver.Problem is null || CudaDriver.Serves is not null)
            yield return new("driver", $"{CudaDriver.Version ?? "of unknown version"}, serves CUDA {CudaDriver.Serves}", CudaDriver.Problem ?? "");
        yield return !native.HasCuda
            ? new("CUDA", "not in this libtorch", $"set {NativeTorch.EnvironmentVariable} to a PyTorch {NativeTorch.SupportedVersion} with CUDA, or build with -p:Cuda=true")
            : torch.cuda.is_available() ? new("CUDA", $"{native.Cuda?.ToString() ?? "of unknown version"}, {torch.cuda.device_count()} device(s)")
            : new("CUDA", $"{native.Cuda?.ToString() ?? "of unknown version"}, no usable device", ComputeDevice.WhyUnavailable(native, CudaDriver.Problem, CudaDriver.Serves));
        foreach (var device in CudaDriver.Devices)
            yield return new($"cuda:{device.Index}", $"{device.Name}, compute capability {device.Capability}",
                CudaDriver.Memory(device.Index) is { } memory ? $"{Gibibytes(memory.Free)} of {Gibibytes(memory.Total)} free" : $"{Gibibytes(device.TotalBytes)}, how much of it is free is not to be had");
    }

    private static Finding ExamineDevice(string name, out torch.Device? device)
    {
        device = null;
        try
        {
            device = ComputeDevice.Resolve(name);
            return new("device", $"{name} is {device}");
        }
        catch (UserErrorException error)
        {
            return new("device", $"{name} is not usable", error.Message, IsProblem: true);
        }
    }

    private static IEnumerable<Finding> ExamineDevice(string name)
    {
        yield return ExamineDevice(name, out var device);
        if (device is null || device.type == DeviceType.CPU) yield break;
        var failures = TorchSelfTest.Run(device);
        yield return new($"self-tests on {device}", failures.Count == 0 ? "all passed" : $"failed: {string.Join(", ", failures)}", IsProblem: failures.Count > 0);
    }

    private static string Gibibytes(long bytes) => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1024.0 * 1024 * 1024):F1} GiB");
}
