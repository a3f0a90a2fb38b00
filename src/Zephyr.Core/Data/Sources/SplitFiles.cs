using Zephyr.Runtime;

namespace Zephyr.Data.Sources;

/// <summary>
/// The files of one split of a dataset, found by name as the Hub lays them out: data/train_sft-00000-of-00003-HASH.parquet,
/// train_sft.jsonl, or a folder train_sft.
/// </summary>
internal static class SplitFiles
{
    /// <summary>
    /// In a folder: files whose name is the split's and then - or ., there or in its data/ subfolder; where there is none, those that go on with _;
    /// or a folder of the split's name in one of the two places. Of a file or a glob: those files that are named so.
    /// </summary>
    /// <exception cref="UserErrorException">The source has no such split, or more than one thing that could be it.</exception>
    public static IEnumerable<string> Find(string source, string split)
    {
        string[][] found = [.. (Directory.Exists(source) ? InFolder(source, split) : [Named(DataFiles.Find(source), split)]).Where(files => files.Length > 0)];
        return found.Length switch
        {
            1 => found[0],
            0 => throw new UserErrorException($"{source}: has no split {split}, expected files named {split}-* or {split}.* in it or in its data/ subfolder, "
                + $"or a folder {split}{Present(source)}"),
            _ => throw new UserErrorException($"{source}: has the split {split} in {string.Join(" and in ", found.Select(files => Path.GetDirectoryName(files[0])))}, "
                + "expected it once"),
        };
    }

    private static IEnumerable<string[]> InFolder(string source, string split)
    {
        foreach (var place in Places(source))
        {
            yield return Named(DataIn(place), split);
            var folder = Path.Combine(place, split);
            if (Directory.Exists(folder)) yield return [.. DataIn(folder)];
        }
    }

    /// <summary>The exact split's files; a longer name, like train_prefs for train, counts only where no file has the exact one.</summary>
    private static string[] Named(IEnumerable<string> files, string split)
    {
        string[] begun = [.. files.Where(file => NameFrom(file, split) is ['-' or '.' or '_', ..])];
        string[] exact = [.. begun.Where(file => NameFrom(file, split)[0] != '_')];
        return exact.Length > 0 ? exact : begun;
    }

    /// <summary>What a file's name goes on with after the split's name; empty where it begins otherwise.</summary>
    private static string NameFrom(string file, string split) =>
        Path.GetFileName(file) is var name && name.StartsWith(split, StringComparison.Ordinal) ? name[split.Length..] : "";

    private static IEnumerable<string> Places(string source) =>
        new[] { source, Path.Combine(source, "data") }.Where(Directory.Exists);

    private static IEnumerable<string> DataIn(string folder) =>
        Directory.EnumerateFiles(folder).Where(DataFileName.IsData).Order(StringComparer.Ordinal);

    private static string Present(string source)
    {
        string[] names = [.. (Directory.Exists(source) ? Places(source).SelectMany(DataIn) : DataFiles.Find(source)).Select(file => Path.GetFileName(file)!)];
        return names.Length == 0 ? "" : $"; there is {string.Join(", ", names.Take(5))}{(names.Length > 5 ? ", ..." : "")}";
    }
}
