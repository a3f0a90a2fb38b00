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
    public static IReadOnlyList<Finding> Examine()
    {
        List<Finding> findings =
        [
            new("system", $"{RuntimeInformation.OSDescription} {RuntimeInformation.OSArchitecture}",
                RuntimeInformation.OSArchitecture == Architecture.X64 ? "" : "only x64 is supported", RuntimeInformation.OSArchitecture != Architecture.X64),
            new(".NET", Environment.Version.ToString()),
            new("processors", $"{Environment.ProcessorCount}"),
            new("memory", $"{GC.GetGCMemoryInfo().TotalAvailableMemoryBytes / (1024.0 * 1024 * 1024):F1} GiB"),
            new(NativeTorch.EnvironmentVariable, Environment.GetEnvironmentVariable(NativeTorch.EnvironmentVariable) is { Length: > 0 } path ? path : "not set"),
        ];
        try
        {
            findings.AddRange(ExamineTorch(NativeTorch.Load()));
        }
        catch (UserErrorException error)
        {
            findings.Add(new("libtorch", "not usable", error.Message, IsProblem: true));
        }
        return findings;
    }

    private static IEnumerable<Finding> ExamineTorch(NativeTorchInfo native)
    {
        var supported = native.Version.StartsWith(NativeTorch.SupportedVersion + ".", StringComparison.Ordinal);
        yield return new("libtorch", $"{native.Version} in {native.Folder}",
            supported ? native.Origin : $"{native.Origin}; {NativeTorch.SupportedVersion}.x is supported, the self-tests below say whether this one serves");
        yield return new("TorchSharp's library", native.Repaired ? "loaded from a repaired private copy" : "loaded as it came",
            native.Repaired ? $"this system's libstdc++ lacks {ElfRepair.MissingVersion}" : "");
        var failures = TorchSelfTest.Run();
        yield return new("self-tests", failures.Count == 0 ? "all passed" : $"failed: {string.Join(", ", failures)}",
            failures.Count == 0 ? "" : "no run can be trusted to this libtorch", failures.Count > 0);
        yield return new("threads", $"{torch.get_num_threads()}");
        yield return native.HasCuda
            ? torch.cuda.is_available() ? new("CUDA", $"{torch.cuda.device_count()} device(s)") : new("CUDA", "no usable GPU or driver", "device: auto will use the CPU")
            : new("CUDA", "not in this libtorch", $"set {NativeTorch.EnvironmentVariable} to a PyTorch {NativeTorch.SupportedVersion} with CUDA, or build with -p:Cuda=true");
    }
}
