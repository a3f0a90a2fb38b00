using System.Runtime.InteropServices;
using System.Text.RegularExpressions;

namespace Zephyr.Runtime;

/// <summary>
/// Loads a library together with what it needs. PyTorch's CUDA build names NVIDIA's libraries by relative paths to packages beside it (nvidia/*/lib), which hold unless those are installed
/// elsewhere; what the dynamic loader then misses is looked for by name, loaded, and it is asked again. Once a library is loaded, others that need it find it by its name.
/// </summary>
/// <param name="folders">Where to look for what is missing.</param>
internal sealed partial class NativeDependencies(IReadOnlyList<string> folders)
{
    /// <summary>More than any chain of NVIDIA's libraries.</summary>
    private const int MostRounds = 64;

    /// <summary>Beside PyTorch's own: NVIDIA's packages in the same site-packages, and in the other ones that this Python may have.</summary>
    /// <param name="lib">&lt;site-packages&gt;/torch/lib.</param>
    public static NativeDependencies Of(string lib)
    {
        var sitePackages = Path.GetFullPath(Path.Combine(lib, "..", ".."));
        return new([lib, .. Packages(sitePackages), .. Packages(Path.GetFullPath(Path.Combine(sitePackages, "..", "dist-packages")))]);
    }

    /// <summary>Loads it.</summary>
    /// <exception cref="DllNotFoundException">It, or something that it needs, is not to be had; the message is the dynamic loader's last one.</exception>
    public nint Load(string path) => Load(path, MostRounds);

    private nint Load(string path, int rounds)
    {
        var asked = new HashSet<string>(StringComparer.Ordinal);
        while (true)
        {
            try
            {
                return NativeLibrary.Load(path);
            }
            catch (DllNotFoundException error) when (rounds > 0 && MissingIn(error, path) is { } missing && asked.Add(missing) && Find(missing) is { } found)
            {
                _ = Load(found, rounds - 1);
            }
        }
    }

    private string? Find(string name) => folders.Select(folder => Path.Combine(folder, name)).FirstOrDefault(File.Exists);

    /// <summary>The library that the dynamic loader missed, where it is not the one that was asked for.</summary>
    internal static string? MissingIn(Exception error, string path) =>
        Missing().Matches(error.Message).Select(match => match.Groups[1].Value).FirstOrDefault(name => name != Path.GetFileName(path) && !name.Contains('/', StringComparison.Ordinal));

    private static IEnumerable<string> Packages(string sitePackages)
    {
        var nvidia = Path.Combine(sitePackages, "nvidia");
        return Directory.Exists(nvidia) ? Directory.EnumerateDirectories(nvidia).Order(StringComparer.Ordinal).Select(package => Path.Combine(package, "lib")).Where(Directory.Exists) : [];
    }

    [GeneratedRegex(@"(?m)^\s*([^\s:]+\.so[^\s:]*): cannot open shared object file")]
    private static partial Regex Missing();
}
