namespace Zephyr.Runtime;

/// <summary>What was found and loaded.</summary>
/// <param name="Folder">The folder libtorch came from.</param>
/// <param name="Origin">Why that folder: shipped, the environment variable, the Python on the PATH, or the CUDA package.</param>
/// <param name="HasCuda">libtorch_cuda.so stands in it.</param>
/// <param name="Version">The version stated beside an external libtorch, or that of the shipped package.</param>
/// <param name="Repaired">TorchSharp's native library was loaded from a repaired private copy.</param>
public sealed record NativeTorchInfo(string Folder, string Origin, bool HasCuda, string Version, bool Repaired)
{
    /// <summary>The CUDA that it was built for, where it says so.</summary>
    public Version? Cuda { get; init; }

    /// <summary>Functions that TorchSharp's library calls and this libtorch does not have: a call of one ends the process.</summary>
    public IReadOnlyList<string> Lacks { get; init; } = [];

    /// <summary>The version that the library itself states, major and minor; null where it states none.</summary>
    public Version? Abi { get; init; }

    /// <summary>It is of the version that this program is built and tested with.</summary>
    public bool IsSupported => Abi is { } abi ? abi.ToString() == NativeTorch.SupportedVersion : NativeTorch.IsSupported(Version);
}
