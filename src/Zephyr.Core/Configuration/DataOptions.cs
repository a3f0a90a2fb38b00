using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>Which rows a training stage reads.</summary>
public sealed record DataOptions : IOptionGroup
{
    /// <summary>Training rows: files, folders or globs (Parquet or JSON Lines).</summary>
    [ConfigKey("training rows: a file, folder or glob, or a list of them (.parquet, .jsonl, .jsonl.gz, .jsonl.zst); or give dataset_mixer")]
    public IReadOnlyList<string> Dataset { get; init; } = [];

    /// <summary>The handbook's way to name rows: files, folders or globs with the share of each one's training rows that is taken (its first rows).</summary>
    [ConfigKey("instead of dataset: sources and the share of each one's training rows to take, {PATH: 0.5, ...}")]
    public IReadOnlyDictionary<string, double> DatasetMixer { get; init; } = new Dictionary<string, double>();

    /// <summary>With <see cref="DatasetMixer"/>: names of splits; those with "train" in them are trained on, those with "test" held out.</summary>
    [ConfigKey("with dataset_mixer: the splits to read; names with \"train\" are trained on, with \"test\" held out")]
    public IReadOnlyList<string> DatasetSplits { get; init; } = [];

    /// <summary>Held-out rows, as <see cref="Dataset"/>; empty for none.</summary>
    [ConfigKey("held-out rows, in the same forms")]
    public IReadOnlyList<string> EvalDataset { get; init; } = [];

    /// <summary>Share of the training rows to hold out (seeded) where there is no <see cref="EvalDataset"/>; 0 for none.</summary>
    [ConfigKey("share of the training rows held out where no eval_dataset is given, 0 to 0.5")]
    public double EvalFraction { get; init; }

    /// <summary>fail: the first row that cannot be used ends the run before it begins; skip: such rows are left out, counted by reason and the first ones named.</summary>
    [ConfigKey("what a row that cannot be used does: fail (ends the run) or skip (left out and counted)")]
    public string OnBadRow { get; init; } = "fail";

    /// <summary>Threads that tokenize; 0 for one a core. The result is the same for any number.</summary>
    [ConfigKey("threads that tokenize; 0 for one a core; same result for any number", Alias = "preprocessing_num_workers")]
    public int DatasetNumProc { get; init; }

    /// <summary>Folder that keeps tokenized rows, so that the next run of the same rows, tokenizer and options need not make them; the user's cache folder when null, "none" keeps nothing.</summary>
    [ConfigKey("folder that keeps tokenized rows for the next run, or none to keep nothing; the user's cache folder when not given")]
    public string? DatasetCacheDir { get; init; }

    /// <summary>Insert an empty system turn where a conversation has none, as the handbook's old scripts did.</summary>
    [ConfigKey("insert an empty system turn where a conversation has none")]
    public bool AutoInsertEmptySystemMsg { get; init; }

    /// <summary>Whether there are rows to evaluate on.</summary>
    internal bool HoldsRowsOut => EvalDataset.Count > 0 || EvalFraction > 0 || DatasetSplits.Any(IsTestSplit);

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate()
    {
        if (Dataset.Count == 0 && DatasetMixer.Count == 0)
            yield return new("dataset", "is required, or dataset_mixer: the rows to train on");
        else if (Dataset.Count > 0 && DatasetMixer.Count > 0)
            yield return new("dataset_mixer", "cannot be combined with dataset: give one of them");
        foreach (var (path, share) in DatasetMixer)
            if (share is not (> 0 and <= 1))
                yield return new("dataset_mixer", $"the share of {path} must be above 0 and at most 1 (was {share})");
        foreach (var problem in NamedOnce("dataset", Dataset).Concat(NamedOnce("eval_dataset", EvalDataset))) yield return problem;
        foreach (var problem in InRange("eval_fraction", EvalFraction, 0, 0.5)) yield return problem;
        foreach (var problem in OneOf("on_bad_row", OnBadRow, "fail", "skip")) yield return problem;
        foreach (var problem in AtLeast("dataset_num_proc", DatasetNumProc, 0)) yield return problem;
        if (EvalFraction > 0 && EvalDataset.Count > 0)
            yield return new("eval_fraction", "cannot be combined with eval_dataset: give one of them");
        foreach (var problem in ValidateSplits()) yield return problem;
    }

    /// <summary>Whether a split is trained on; "train" in a name goes before "test", as in the handbook.</summary>
    internal static bool IsTrainSplit(string split) => split.Contains("train", StringComparison.Ordinal);

    private static bool IsTestSplit(string split) => !IsTrainSplit(split) && split.Contains("test", StringComparison.Ordinal);

    private IEnumerable<ConfigProblem> ValidateSplits()
    {
        if (DatasetSplits.Count == 0) yield break;
        if (DatasetMixer.Count == 0)
            yield return new("dataset_splits", "belongs to dataset_mixer, which is not given");
        foreach (var split in DatasetSplits.Where(split => !IsTrainSplit(split) && !IsTestSplit(split)))
            yield return new("dataset_splits", $"a name must have \"train\" or \"test\" in it (was {split})");
        foreach (var split in DatasetSplits.GroupBy(split => split).Where(same => same.Count() > 1))
            yield return new("dataset_splits", $"{split.Key} is named twice");
        if (!DatasetSplits.Any(IsTrainSplit))
            yield return new("dataset_splits", "must name a split with \"train\" in it: the rows to train on");
        if (!DatasetSplits.Any(IsTestSplit)) yield break;
        if (EvalDataset.Count > 0) yield return new("eval_dataset", "cannot be combined with a test split: give one of them");
        if (EvalFraction > 0) yield return new("eval_fraction", "cannot be combined with a test split: give one of them");
    }
}
