using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>Which rows a training stage reads.</summary>
public sealed record DataOptions : IOptionGroup
{
    /// <summary>Training rows: files, folders or globs (Parquet or JSON Lines).</summary>
    [ConfigKey("training rows: a file, folder or glob, or a list of them (.parquet, .jsonl)", Required = true)]
    public IReadOnlyList<string> Dataset { get; init; } = [];

    /// <summary>Held-out rows, as <see cref="Dataset"/>; empty for none.</summary>
    [ConfigKey("held-out rows, in the same forms")]
    public IReadOnlyList<string> EvalDataset { get; init; } = [];

    /// <summary>Share of the training rows to hold out (seeded) where there is no <see cref="EvalDataset"/>; 0 for none.</summary>
    [ConfigKey("share of the training rows held out where no eval_dataset is given, 0 to 0.5")]
    public double EvalFraction { get; init; }

    /// <summary>Insert an empty system turn where a conversation has none, as the handbook's old scripts did.</summary>
    [ConfigKey("insert an empty system turn where a conversation has none")]
    public bool AutoInsertEmptySystemMsg { get; init; }

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate()
    {
        foreach (var problem in InRange("eval_fraction", EvalFraction, 0, 0.5)) yield return problem;
        if (EvalFraction > 0 && EvalDataset.Count > 0)
            yield return new("eval_fraction", "cannot be combined with eval_dataset: give one of them");
    }
}
