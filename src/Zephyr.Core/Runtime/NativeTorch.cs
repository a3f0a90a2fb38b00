using System.Reflection;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Zephyr.Runtime;

/// <summary>What was found and loaded.</summary>
/// <param name="Folder">The folder libtorch came from.</param>
/// <param name="Origin">Why that folder: shipped, the environment variable, or the CUDA package.</param>
/// <param name="HasCuda">libtorch_cuda.so stands in it.</param>
/// <param name="Version">The version stated beside an external libtorch, or that of the shipped package.</param>
/// <param name="Repaired">TorchSharp's native library was loaded from a repaired private copy.</param>
public sealed record NativeTorchInfo(string Folder, string Origin, bool HasCuda, string Version, bool Repaired);

/// <summary>
/// Finds and loads libtorch and TorchSharp's native library before TorchSharp looks for them itself (design decision 7).
/// The natives stand in a folder of their own, not beside the assemblies: TorchSharp's loader then finds by name what is
/// loaded here, and never a second libtorch.
/// </summary>
public static class NativeTorch
{
    /// <summary>Names the folder of an existing PyTorch's libraries: &lt;site-packages&gt;/torch/lib.</summary>
    public const string EnvironmentVariable = "ZEPHYR_LIBTORCH";

    /// <summary>The libtorch that this program is built and tested against.</summary>
    public const string SupportedVersion = "2.10";

    private static readonly Lazy<NativeTorchInfo> Loaded = new(() => LoadFrom(Locate()));
    private static bool _nativeKernels;

    /// <summary>Loads the native libraries once; every later call returns, or throws, what the first one did.</summary>
    /// <exception cref="UserErrorException">Nothing usable was found; the message names the folder and the remedy.</exception>
    public static NativeTorchInfo Load() => Loaded.Value;

    /// <summary>As <see cref="Load()"/>, with the kernels that <c>cpu_kernels</c> names; the first call in a process decides.</summary>
    /// <param name="kernels">default or native: see <see cref="MklKernels"/>.</param>
    /// <exception cref="UserErrorException">As for <see cref="Load()"/>, or there is nothing to choose.</exception>
    /// <exception cref="InvalidOperationException">The libraries have been loaded with other ones, and may have chosen already.</exception>
    public static NativeTorchInfo Load(string kernels)
    {
        var native = kernels == "native";
        if (!Loaded.IsValueCreated) _nativeKernels = native;
        else if (native && !_nativeKernels) throw new InvalidOperationException("cpu_kernels: libtorch has been loaded before they were chosen");
        return Load();
    }

    private static (string Folder, string Origin) Locate()
    {
        var named = Environment.GetEnvironmentVariable(EnvironmentVariable);
        if (!string.IsNullOrEmpty(named))
        {
            if (!File.Exists(Path.Combine(named, "libtorch_cpu.so")))
                throw new UserErrorException(
                    $"{EnvironmentVariable}={named}: there is no libtorch_cpu.so in that folder; give the lib folder of a PyTorch "
                    + $"{SupportedVersion} install (<site-packages>/torch/lib), or unset the variable to use the libtorch shipped with the program");
            return (Path.GetFullPath(named), EnvironmentVariable);
        }
        var shipped = Path.Combine(AppContext.BaseDirectory, "libtorch");
        if (File.Exists(Path.Combine(shipped, "libtorch_cpu.so"))) return (shipped, "shipped with the program");
        if (File.Exists(Path.Combine(AppContext.BaseDirectory, "libtorch_cpu.so"))) return (AppContext.BaseDirectory, "the CUDA package");
        throw new UserErrorException(
            $"libtorch was found neither in {shipped} nor through {EnvironmentVariable}; rebuild the program, or set "
            + $"{EnvironmentVariable} to the lib folder of a PyTorch {SupportedVersion} install (<site-packages>/torch/lib)");
    }

    private static NativeTorchInfo LoadFrom((string Folder, string Origin) found)
    {
        NativeVariables.Set();
        NativeHeap.KeepWhatIsFreed();
        var hasCuda = File.Exists(Path.Combine(found.Folder, "libtorch_cuda.so"));
        // libtorch.so is a shell that pulls in the real ones; loading it last resolves everything TorchSharp's library names.
        string[] libraries = hasCuda
            ? ["libc10.so", "libtorch_cpu.so", "libc10_cuda.so", "libtorch_cuda.so", "libtorch.so"]
            : ["libc10.so", "libtorch_cpu.so", "libtorch.so"];
        var loaded = libraries.ToDictionary(library => library, library => LoadLibrary(Path.Combine(found.Folder, library)));
        TensorMemory.Serve(loaded["libc10.so"]);
        if (_nativeKernels) MklKernels.TakeNative(loaded["libtorch_cpu.so"]);
        var handle = LoadTorchSharp(out var repaired);
        NativeLibrary.SetDllImportResolver(typeof(torch).Assembly,
            (name, _, _) => name == "LibTorchSharp" ? handle : IntPtr.Zero);
        var info = new NativeTorchInfo(found.Folder, found.Origin, hasCuda, VersionOf(found), repaired);
        if (found.Origin == EnvironmentVariable) TorchSelfTest.Require(info);
        return info;
    }

    private static IntPtr LoadLibrary(string path)
    {
        try
        {
            // Otherwise the dynamic loader maps what is not there and dies of it (SIGBUS), without a word.
            if (ElfRepair.IsTruncated(path)) throw new BadImageFormatException("the file ends in the middle");
            return NativeLibrary.Load(path);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException or IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path} does not load ({Reason(error)}); reinstall it, or set {EnvironmentVariable} "
                + $"to the lib folder of a PyTorch {SupportedVersion} install", error);
        }
    }

    private static IntPtr LoadTorchSharp(out bool repaired)
    {
        const string name = "libLibTorchSharp.so";
        string[] places = [Path.Combine(AppContext.BaseDirectory, "libtorch", name), Path.Combine(AppContext.BaseDirectory, name)];
        var path = places.FirstOrDefault(File.Exists)
            ?? throw new UserErrorException($"TorchSharp's native library {name} is missing from {AppContext.BaseDirectory}; rebuild the program");
        repaired = false;
        try
        {
            return NativeLibrary.Load(path);
        }
        catch (DllNotFoundException error) when (error.Message.Contains(ElfRepair.MissingVersion, StringComparison.Ordinal))
        {
            repaired = true;
            return ElfRepair.LoadRepairedCopy(path);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException)
        {
            throw new UserErrorException($"{path} does not load ({Reason(error)}); it needs libtorch {SupportedVersion}.x", error);
        }
    }

    /// <summary>The shipped package's version, or what an existing libtorch says of itself in the folder above.</summary>
    private static string VersionOf((string Folder, string Origin) found)
    {
        if (found.Origin != EnvironmentVariable)
            return typeof(torch).GetField("libtorchPackageVersion", BindingFlags.Static | BindingFlags.NonPublic)
                ?.GetRawConstantValue() is string package ? Version.Parse(package).ToString(3) : SupportedVersion;
        // A PyTorch package says it in torch/version.py, a libtorch archive in libtorch/build-version.
        foreach (var file in (string[])["version.py", "build-version"])
        {
            var path = Path.Combine(found.Folder, "..", file);
            if (!File.Exists(path)) continue;
            var line = File.ReadLines(path).FirstOrDefault(text => file == "build-version" || text.StartsWith("__version__", StringComparison.Ordinal));
            if ((file == "build-version" ? line?.Trim() : line?.Split('\'', '"').ElementAtOrDefault(1)) is { Length: > 0 } version) return version;
        }
        return "unknown";
    }

    /// <summary>The dynamic loader's own words: the most specific line of .NET's multi-line message.</summary>
    internal static string Reason(Exception error) =>
        error.Message.Split('\n').Select(line => line.Trim())
            .FirstOrDefault(line => line.Contains(": ", StringComparison.Ordinal) && line.Contains(".so", StringComparison.Ordinal)
                && !line.StartsWith("Unable", StringComparison.Ordinal)) ?? error.Message.Split('\n')[0];
}
