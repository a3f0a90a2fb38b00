using Zephyr.Runtime;

namespace Zephyr.Data.Sources;

/// <summary>Turns what a user writes for "the data" into files.</summary>
public static class DataFiles
{
    private const string Kinds = "a .parquet or .jsonl file, a folder of them, or a glob";
    private static readonly string[] LineExtensions = [".jsonl", ".jsonlines", ".json-lines"];

    /// <summary>The files that the patterns name, each once, in ordinal order.</summary>
    /// <param name="patterns">Files, folders (their .parquet and .jsonl files, not their subfolders') or globs (*, ?, **).</param>
    /// <exception cref="UserErrorException">A pattern that names nothing readable, or an empty file.</exception>
    public static IReadOnlyList<string> Resolve(IReadOnlyList<string> patterns)
    {
        if (patterns.Count == 0) throw new UserErrorException($"no data is named, expected {Kinds}");
        string[] files = [.. patterns.SelectMany(ResolveOne).DistinctBy(Path.GetFullPath).Order(StringComparer.Ordinal)];
        RequireOneFormat(files);
        foreach (var file in files) CheckContent(file);
        return files;
    }

    /// <summary>Refuses held-out rows that are training rows too: what they say of the model would be worth nothing.</summary>
    /// <param name="train">Files, as <see cref="Resolve"/> gives them.</param>
    /// <param name="held">Files, likewise.</param>
    /// <exception cref="UserErrorException">A file is in both.</exception>
    public static void RequireDisjoint(IReadOnlyList<string> train, IReadOnlyList<string> held)
    {
        var trained = train.Select(Path.GetFullPath).ToHashSet(StringComparer.Ordinal);
        if (held.FirstOrDefault(file => trained.Contains(Path.GetFullPath(file))) is { } both)
            throw new UserErrorException($"{both}: is in dataset and in eval_dataset, expected held-out rows that are not trained on");
    }

    /// <summary>Whether the name ends in .parquet.</summary>
    internal static bool IsParquet(string file) => file.EndsWith(".parquet", StringComparison.OrdinalIgnoreCase);

    private static IEnumerable<string> ResolveOne(string pattern)
    {
        if (File.Exists(pattern)) return [CheckKind(pattern)];
        if (Directory.Exists(pattern)) return InFolder(pattern);
        if (!FileGlob.IsGlob(pattern)) throw Missing(pattern);
        string[] found = [.. FileGlob.Expand(pattern).Where(IsData)];
        return found.Length > 0 ? found : throw new UserErrorException($"{pattern}: the glob matches no .parquet or .jsonl file");
    }

    private static string[] InFolder(string folder)
    {
        string[] found = [.. Directory.EnumerateFiles(folder).Where(IsData)];
        if (found.Length > 0) return found;
        var below = Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal)
            .FirstOrDefault(child => Directory.EnumerateFiles(child).Any(IsData));
        throw new UserErrorException($"{folder}: the folder holds no .parquet or .jsonl file"
            + (below is null ? "" : $"; its subfolder {below} does"));
    }

    private static void RequireOneFormat(string[] files)
    {
        if (files.GroupBy(file => Path.ChangeExtension(Path.GetFullPath(file), null)).FirstOrDefault(same => same.Count() > 1) is not { } twice) return;
        var folder = Path.GetDirectoryName(twice.First()) is { Length: > 0 } named ? named : ".";
        throw new UserErrorException($"{folder}: holds {string.Join(" and ", twice.Select(Path.GetFileName).Order())}, "
            + "by their names the same rows in two formats, expected one of them to be named");
    }

    private static bool IsData(string file) =>
        IsParquet(file) || LineExtensions.Any(extension => file.EndsWith(extension, StringComparison.OrdinalIgnoreCase));

    /// <summary>A file that is named outright may also be a .json that holds JSON Lines, as many published ones do.</summary>
    private static string CheckKind(string file) =>
        IsData(file) || file.EndsWith(".json", StringComparison.OrdinalIgnoreCase)
            ? file
            : throw new UserErrorException($"{file}: found a file of another kind, expected {Kinds}");

    private static void CheckContent(string file)
    {
        using var stream = UserFile.Open(file, "data file");
        if (stream.Length == 0) throw new UserErrorException($"{file}: the file is empty");
        if (!file.EndsWith(".json", StringComparison.OrdinalIgnoreCase)) return;
        int first;
        do first = stream.ReadByte(); while (first is ' ' or '\t' or '\r' or '\n' or 0xEF or 0xBB or 0xBF);
        if (first == '[')
            throw new UserErrorException(
                $"{file}: found one JSON array, expected JSON Lines, one object a line (jq -c '.[]' {file} > rows.jsonl writes them)");
    }

    private static UserErrorException Missing(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var folder = Path.GetDirectoryName(full);
        while (folder is not null && !Directory.Exists(folder)) (full, folder) = (folder, Path.GetDirectoryName(folder));
        if (folder is null) return new($"{path}: there is no such file or folder");
        var name = Path.GetFileName(full);
        var nearest = NearestName.Find(name, Directory.EnumerateFileSystemEntries(folder).Select(entry => Path.GetFileName(entry)!));
        return new($"{path}: there is no such file or folder"
            + (nearest is null ? $", expected {Kinds} on this machine" : $"; the nearest name is {Path.Combine(folder, nearest)}"));
    }
}
