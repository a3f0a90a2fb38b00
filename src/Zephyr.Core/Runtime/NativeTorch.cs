using System.Reflection;
using System.Runtime.InteropServices;
using TorchSharp;

namespace Zephyr.Runtime;

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

    /// <summary>The library that makes a folder one of libtorch's.</summary>
    internal const string Core = "libtorch_cpu.so";

    private const string OfPython = "the Python on the PATH";

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
            if (!File.Exists(Path.Combine(named, Core)))
                throw new UserErrorException(
                    $"{EnvironmentVariable}={named}: there is no libtorch_cpu.so in that folder; give the lib folder of a PyTorch "
                    + $"{SupportedVersion} install (<site-packages>/torch/lib), or unset the variable to use the libtorch shipped with the program");
            return (Path.GetFullPath(named), EnvironmentVariable);
        }
        var shipped = Path.Combine(AppContext.BaseDirectory, "libtorch");
        if (File.Exists(Path.Combine(shipped, Core))) return (shipped, "shipped with the program");
        if (File.Exists(Path.Combine(AppContext.BaseDirectory, Core))) return (AppContext.BaseDirectory, "the CUDA package");
        if (PythonTorch.Library is { } python) return (python, OfPython);
        throw new UserErrorException(
            $"libtorch was found neither in {shipped} nor through {EnvironmentVariable} nor as a PyTorch of the Python on the PATH; install one (pip install \"torch=={SupportedVersion}.*\"), or set "
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
        var dependencies = NativeDependencies.Of(found.Folder);
        var loaded = libraries.ToDictionary(library => library, library => LoadLibrary(Path.Combine(found.Folder, library), dependencies));
        TensorMemory.Serve(loaded["libc10.so"]);
        if (_nativeKernels) MklKernels.TakeNative(loaded[Core]);
        var handle = LoadTorchSharp(found, out var repaired);
        NativeLibrary.SetDllImportResolver(typeof(torch).Assembly,
            (name, _, _) => name == "LibTorchSharp" ? handle : IntPtr.Zero);
        var info = new NativeTorchInfo(found.Folder, found.Origin, hasCuda, VersionOf(found), repaired)
        {
            Cuda = hasCuda ? CudaOf(found) : null,
            Abi = AbiOf(loaded[Core]),
        };
        if (info is { Version: Unknown, Abi: { } abi }) info = info with { Version = abi.ToString() };
        if (!IsExternal(found)) return info;
        info = info with { Lacks = [.. ElfRepair.Undefined(File.ReadAllBytes(TorchSharpLibrary)).Where(name => !NativeLibrary.TryGetExport(loaded["libtorch.so"], name, out _))] };
        TorchSelfTest.Require(info, torch.CPU);
        return info;
    }

    private static bool IsExternal((string Folder, string Origin) found) => found.Origin is EnvironmentVariable or OfPython;

    private static IntPtr LoadLibrary(string path, NativeDependencies dependencies)
    {
        try
        {
            // Otherwise the dynamic loader maps what is not there and dies of it (SIGBUS), without a word.
            if (ElfRepair.IsTruncated(path)) throw new BadImageFormatException("the file ends in the middle");
            return dependencies.Load(path);
        }
        catch (Exception error) when (error is DllNotFoundException or BadImageFormatException or IOException or UnauthorizedAccessException)
        {
            var other = StatedBeside(Path.GetDirectoryName(path)!, "__version__") is { } version && !IsSupported(version) ? $"; it is of PyTorch {version}" : "";
            throw new UserErrorException($"{path} does not load ({Reason(error)}){other}; reinstall it, or set {EnvironmentVariable} "
                + $"to the lib folder of a PyTorch {SupportedVersion} install", error);
        }
    }

    /// <exception cref="UserErrorException">It is missing.</exception>
    private static string TorchSharpLibrary
    {
        get
        {
            const string name = "libLibTorchSharp.so";
            string[] places = [Path.Combine(AppContext.BaseDirectory, "libtorch", name), Path.Combine(AppContext.BaseDirectory, name)];
            return places.FirstOrDefault(File.Exists)
                ?? throw new UserErrorException($"TorchSharp's native library {name} is missing from {AppContext.BaseDirectory}; rebuild the program");
        }
    }

    private static IntPtr LoadTorchSharp((string Folder, string Origin) found, out bool repaired)
    {
        var path = TorchSharpLibrary;
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
            throw new UserErrorException($"{path} does not load beside the libtorch {VersionOf(found)} in {found.Folder} ({found.Origin}): {Reason(error)}; "
                + $"install a PyTorch of version {SupportedVersion} and set {EnvironmentVariable} to its lib folder (<site-packages>/torch/lib)", error);
        }
    }

    /// <summary>The shipped package's version, or what an existing libtorch says of itself in the folder above.</summary>
    private static string VersionOf((string Folder, string Origin) found) => !IsExternal(found)
        ? typeof(torch).GetField("libtorchPackageVersion", BindingFlags.Static | BindingFlags.NonPublic)?.GetRawConstantValue() is string package
            ? Version.Parse(package).ToString(3) : SupportedVersion
        : StatedBeside(found.Folder, "__version__") ?? BuildVersion(found.Folder) ?? Unknown;

    private const string Unknown = "unknown";

    /// <summary>Whether a version as PyTorch states it, 2.10.0+cu128, is one that this program is built for.</summary>
    internal static bool IsSupported(string version) => version.StartsWith(SupportedVersion + ".", StringComparison.Ordinal);

    /// <summary>What libtorch says of itself to compiled models: 0x020a... for 2.10. It cannot be of another install, as a file beside it can.</summary>
    private static unsafe Version? AbiOf(IntPtr core)
    {
        if (!NativeLibrary.TryGetExport(core, "aoti_torch_abi_version", out var address)) return null;
        var version = ((delegate* unmanaged<ulong>)address)();
        return new((int)(version >> 56), (int)(version >> 48 & 0xff));
    }

    /// <summary>What it says it was built for: 13.0, or cu128 for 12.8.</summary>
    private static Version? CudaOf((string Folder, string Origin) found)
    {
        if (Version.TryParse(StatedBeside(found.Folder, "cuda"), out var stated)) return stated;
        var tag = (BuildVersion(found.Folder) ?? StatedBeside(found.Folder, "__version__"))?.Split("+cu").ElementAtOrDefault(1);
        return tag?.Length >= 3 && Version.TryParse($"{tag[..^1]}.{tag[^1]}", out var tagged) ? tagged : null;
    }

    /// <summary>A value of torch/version.py, which a PyTorch package has.</summary>
    private static string? StatedBeside(string folder, string name) => LinesOf(Path.Combine(folder, "..", "version.py"))
        .FirstOrDefault(line => line.StartsWith(name, StringComparison.Ordinal) && line.Length > name.Length && line[name.Length] is ' ' or ':' or '=')
        ?.Split('\'', '"').ElementAtOrDefault(1) is { Length: > 0 } value ? value : null;

    /// <summary>libtorch/build-version, which an archive has.</summary>
    private static string? BuildVersion(string folder) => LinesOf(Path.Combine(folder, "..", "build-version")).FirstOrDefault()?.Trim() is { Length: > 0 } version ? version : null;

    private static IEnumerable<string> LinesOf(string path) => File.Exists(path) ? File.ReadLines(path) : [];

    /// <summary>The dynamic loader's own words: the most specific line of .NET's multi-line message.</summary>
    internal static string Reason(Exception error) =>
        error.Message.Split('\n').Select(line => line.Trim())
            .FirstOrDefault(line => line.Contains(": ", StringComparison.Ordinal) && line.Contains(".so", StringComparison.Ordinal)
                && !line.StartsWith("Unable", StringComparison.Ordinal)) ?? error.Message.Split('\n')[0];
}
