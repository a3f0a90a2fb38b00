using Zephyr.Runtime;

namespace Zephyr.Data.Sources;

/// <summary>Turns what a user writes for "the data" into files.</summary>
public static class DataFiles
{
    private const string Kinds = "a .parquet or .jsonl file, a folder of them, or a glob";

    /// <summary>The files that the patterns name, each once, in ordinal order.</summary>
    /// <param name="patterns">
    /// Files, folders (their .parquet and .jsonl files, not their subfolders') or globs (*, ?, **). JSON Lines may be compressed: .jsonl.gz, .jsonl.zst.
    /// </param>
    /// <exception cref="UserErrorException">A pattern that names nothing readable, or an empty file.</exception>
    public static IReadOnlyList<string> Resolve(IReadOnlyList<string> patterns)
    {
        if (patterns.Count == 0) throw new UserErrorException($"no data is named, expected {Kinds}");
        return Check(patterns.SelectMany(Find));
    }

    /// <summary>The files, each once, in ordinal order.</summary>
    /// <exception cref="UserErrorException">One is empty or cannot be read, or two hold the same rows by their names.</exception>
    internal static IReadOnlyList<string> Check(IEnumerable<string> found)
    {
        string[] files = [.. found.DistinctBy(Path.GetFullPath).Order(StringComparer.Ordinal)];
        RequireOneFormat(files);
        foreach (var file in files) CheckContent(file);
        return files;
    }

    /// <summary>Refuses held-out rows that are training rows too: what they say of the model would be worth nothing.</summary>
    /// <param name="train">Files, as <see cref="Resolve"/> gives them.</param>
    /// <param name="held">Files, likewise.</param>
    /// <param name="trainKey">The key that names the training files.</param>
    /// <exception cref="UserErrorException">A file is in both.</exception>
    public static void RequireDisjoint(IReadOnlyList<string> train, IReadOnlyList<string> held, string trainKey = "dataset")
    {
        var trained = train.Select(Path.GetFullPath).ToHashSet(StringComparer.Ordinal);
        if (held.FirstOrDefault(file => trained.Contains(Path.GetFullPath(file))) is { } both)
            throw new UserErrorException($"{both}: is in {trainKey} and in eval_dataset, expected held-out rows that are not trained on");
    }

    /// <summary>The files that one pattern names, unchecked.</summary>
    /// <exception cref="UserErrorException">There is none, or a file is of another kind.</exception>
    internal static IEnumerable<string> Find(string pattern)
    {
        if (File.Exists(pattern)) return [CheckKind(pattern)];
        if (Directory.Exists(pattern)) return InFolder(pattern);
        if (!FileGlob.IsGlob(pattern)) throw Missing(pattern);
        string[] found = [.. FileGlob.Expand(pattern).Where(DataFileName.IsData)];
        return found.Length > 0 ? found : throw new UserErrorException($"{pattern}: the glob matches no .parquet or .jsonl file");
    }

    private static string[] InFolder(string folder)
    {
        string[] found = [.. Directory.EnumerateFiles(folder).Where(DataFileName.IsData)];
        if (found.Length > 0) return found;
        var below = Directory.EnumerateDirectories(folder).Order(StringComparer.Ordinal)
            .FirstOrDefault(child => Directory.EnumerateFiles(child).Any(DataFileName.IsData));
        throw new UserErrorException($"{folder}: the folder holds no .parquet or .jsonl file"
            + (below is null ? "" : $"; its subfolder {below} does"));
    }

    private static void RequireOneFormat(string[] files)
    {
        if (files.GroupBy(file => DataFileName.StemOf(Path.GetFullPath(file))).FirstOrDefault(same => same.Count() > 1) is not { } twice) return;
        var folder = Path.GetDirectoryName(twice.First()) is { Length: > 0 } named ? named : ".";
        throw new UserErrorException($"{folder}: holds {string.Join(" and ", twice.Select(Path.GetFileName).Order())}, "
            + "by their names the same rows in two formats, expected one of them to be named");
    }

    /// <summary>A file that is named outright may also be a .json that holds JSON Lines, as many published ones do.</summary>
    private static string CheckKind(string file) =>
        DataFileName.IsData(file) || DataFileName.IsJson(file)
            ? file
            : throw new UserErrorException($"{file}: found a file of another kind, expected {Kinds}");

    private static void CheckContent(string file)
    {
        using var stream = LineFile.Open(file);
        var first = LineFile.Guard(file, stream.ReadByte);
        if (first < 0) throw new UserErrorException($"{file}: the file is empty");
        if (!DataFileName.IsJson(file)) return;
        while (first is ' ' or '\t' or '\r' or '\n' or 0xEF or 0xBB or 0xBF) first = LineFile.Guard(file, stream.ReadByte);
        if (first == '[')
            throw new UserErrorException(
                $"{file}: found one JSON array, expected JSON Lines, one object a line (jq -c '.[]' {file} > rows.jsonl writes them)");
    }

    /// <summary>owner/name, where owner is no folder here.</summary>
    private static bool IsHubName(string path) =>
        path.Split('/') is [{ Length: > 0 } owner, { Length: > 0 } name] && owner is not ("." or ".." or "~") && !Directory.Exists(owner)
        && (owner + name).All(letter => char.IsAsciiLetterOrDigit(letter) || letter is '-' or '_' or '.')
        && !DataFileName.IsData(name) && !DataFileName.IsJson(name);

    private static UserErrorException Missing(string path)
    {
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(path));
        var folder = Path.GetDirectoryName(full);
        while (folder is not null && !Directory.Exists(folder)) (full, folder) = (folder, Path.GetDirectoryName(folder));
        if (folder is null) return new($"{path}: there is no such file or folder");
        if (IsHubName(path))
            return new($"{path}: there is no such file or folder; rows are read from this machine, and a dataset of that name on the Hugging Face Hub comes here by "
                + $"hf download {path} --repo-type dataset --local-dir {path}");
        var name = Path.GetFileName(full);
        var nearest = NearestName.Find(name, Directory.EnumerateFileSystemEntries(folder).Select(entry => Path.GetFileName(entry)!));
        return new($"{path}: there is no such file or folder"
            + (nearest is null ? $", expected {Kinds} on this machine" : $"; the nearest name is {Path.Combine(folder, nearest)}"));
    }
}
