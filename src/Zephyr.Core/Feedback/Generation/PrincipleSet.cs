using Zephyr.Runtime;

namespace Zephyr.Feedback.Generation;

/// <summary>
/// The principles of a run: the project's own, and in their place those of a folder that the user names. A principle is a file NAME.txt with a system prompt a line; blank
/// lines and lines that begin with # are left out.
/// </summary>
public sealed class PrincipleSet
{
    private const string Resources = "principles/", Ending = ".txt", Kind = "principle";

    // No system prompt is as long; a wrong path must not fill the memory.
    private const int MostBytes = 1 << 20;

    private readonly Dictionary<string, IReadOnlyList<string>> _prompts;
    private readonly string? _folder;

    private PrincipleSet(Dictionary<string, IReadOnlyList<string>> prompts, string? folder) => (_prompts, _folder) = (prompts, folder);

    /// <summary>The built-in principles.</summary>
    public static PrincipleSet Default { get; } = new(BuiltIn().ToDictionary(file => file.Name, file => (IReadOnlyList<string>)Read(file.Name, file.Text)), null);

    /// <summary>The names, in ordinal order.</summary>
    public IReadOnlyList<string> Names => [.. _prompts.Keys.Order(StringComparer.Ordinal)];

    /// <summary>The principles of a folder, and the built-in ones that it has no file for.</summary>
    /// <param name="folder">Its .txt files are read; null for the built-in ones.</param>
    /// <exception cref="UserErrorException">There is no such folder, or a file in it holds no system prompt.</exception>
    public static PrincipleSet Load(string? folder)
    {
        if (folder is null) return Default;
        if (!Directory.Exists(folder))
            throw new UserErrorException($"principles {folder}: {(File.Exists(folder) ? "found a file" : "there is no such folder")}, expected a folder of principles (*{Ending})");
        string[] files = [.. Directory.EnumerateFiles(folder, "*" + Ending).Order(StringComparer.Ordinal)];
        if (files.Length == 0) throw new UserErrorException($"principles {folder}: found no {Ending} file, expected at least one, with a system prompt a line");
        var prompts = new Dictionary<string, IReadOnlyList<string>>(Default._prompts);
        foreach (var file in files) prompts[Path.GetFileNameWithoutExtension(file)] = Read(file, UserFile.ReadText(file, Kind, MostBytes));
        return new(prompts, folder);
    }

    /// <summary>Writes the built-in principles to a folder, to be edited.</summary>
    /// <param name="folder">It is made where it is not there.</param>
    /// <returns>The files.</returns>
    /// <exception cref="UserErrorException">One of the files is there already, or it cannot be written.</exception>
    public static IReadOnlyList<string> WriteDefaults(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        var files = BuiltIn().Select(file => (Path: Path.Combine(folder, file.Name + Ending), file.Text)).ToList();
        if (files.FirstOrDefault(file => Path.Exists(file.Path)).Path is { } there)
            throw new UserErrorException($"{there}: is there already, expected a folder without principles: an edited one is not overwritten");
        try
        {
            Directory.CreateDirectory(folder);
            foreach (var (path, text) in files) WholeFile.Write(path, text);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{folder}: the principles cannot be written: {error.Message}", error);
        }
        return files.ConvertAll(file => file.Path);
    }

    /// <summary>The system prompts of a principle.</summary>
    /// <exception cref="UserErrorException">There is none of that name.</exception>
    public IReadOnlyList<string> this[string name] => _prompts.GetValueOrDefault(name)
        ?? throw new UserErrorException($"principle_mix: there is no principle {name} {(_folder is null ? "among the built-in ones" : $"in {_folder}")}, "
            + $"expected {string.Join(", ", Names)}, or the key 'principles' to name a folder with {name}{Ending}");

    private static string[] Read(string place, string text)
    {
        string[] prompts = [.. text.Split('\n').Select(line => line.Trim('\r', ' ', '\t', '\uFEFF')).Where(line => line.Length > 0 && line[0] != '#')];
        return prompts.Length > 0 ? prompts : throw new UserErrorException($"{place}: found no system prompt, expected at least one line");
    }

    private static IEnumerable<(string Name, string Text)> BuiltIn()
    {
        var assembly = typeof(PrincipleSet).Assembly;
        foreach (var resource in assembly.GetManifestResourceNames().Where(name => name.StartsWith(Resources, StringComparison.Ordinal)).Order(StringComparer.Ordinal))
        {
            using var reader = new StreamReader(assembly.GetManifestResourceStream(resource)!);
            yield return (resource[Resources.Length..^Ending.Length], reader.ReadToEnd());
        }
    }
}
