using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Data.Sources;

/// <summary>
/// The handbook's dataset_mixer: of every source the first share of its training rows, one source after the other; held-out splits
/// whole. Nothing is shuffled here: the order of an epoch is the trainer's.
/// </summary>
public static class DatasetMixer
{
    private const string Key = "dataset_mixer";

    /// <summary>Finds the files of all sources and counts the rows of those of which a part is taken.</summary>
    /// <param name="options">dataset_mixer and dataset_splits. Without splits every source is training rows.</param>
    /// <returns>What is trained on and what is held out, in the order of the sources and, within one, of the splits.</returns>
    /// <exception cref="UserErrorException">A source or split that is not there, a file that would be read twice, or a share that is no row.</exception>
    public static (IReadOnlyList<RowFile> Train, IReadOnlyList<string> Held) Resolve(DataOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        var (train, held) = (new List<RowFile>(), new List<string>());
        foreach (var (source, share) in options.DatasetMixer)
        {
            if (options.DatasetSplits.Count == 0) train.AddRange(FirstOf(source, DataFiles.Resolve([source]), share));
            foreach (var split in options.DatasetSplits)
            {
                var files = DataFiles.Check(SplitFiles.Find(source, split));
                if (DataOptions.IsTrainSplit(split)) train.AddRange(FirstOf($"{source}, split {split}", files, share));
                else held.AddRange(files);
            }
        }
        RequireOnce([.. train.Select(file => file.Path), .. held]);
        return (train, held);
    }

    /// <summary>The first share * rows rows, rounded down: in floating point, as the handbook counts them.</summary>
    private static IEnumerable<RowFile> FirstOf(string name, IReadOnlyList<string> files, double share)
    {
        if (share == 1) return files.Select(file => new RowFile(file));
        long[] counts = [.. files.Select(RowReader.Count)];
        var left = (long)(share * counts.Sum());
        if (left == 0) throw new UserErrorException($"{Key}: {share} of the {counts.Sum()} rows of {name} is less than one row, expected a larger share");
        var taken = new List<RowFile>();
        for (var i = 0; i < files.Count && left > 0; left -= counts[i], i++) taken.Add(new(files[i], checked((int)Math.Min(left, counts[i]))));
        return taken.Where(file => file.Rows > 0);
    }

    private static void RequireOnce(string[] files)
    {
        if (files.GroupBy(Path.GetFullPath).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserErrorException($"{Key}: {twice.First()} is in two of its parts, expected every file in one source and split");
    }
}
