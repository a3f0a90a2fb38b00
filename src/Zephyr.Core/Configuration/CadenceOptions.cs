using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>How often to log, evaluate and save.</summary>
public sealed record CadenceOptions : IOptionGroup
{
    /// <summary>Steps between two lines of metrics.</summary>
    [ConfigKey("steps between two lines of metrics")]
    public int LoggingSteps { get; init; } = 10;

    /// <summary>tensorboard: event files beside metrics.jsonl, which is always written. none or empty: nothing besides.</summary>
    [ConfigKey("who else is told: tensorboard, or none; metrics.jsonl is always written")]
    public IReadOnlyList<string> ReportTo { get; init; } = [];

    /// <summary>Folder of the event files; output_dir/runs when null.</summary>
    [ConfigKey("folder of the TensorBoard event files; output_dir/runs when not given")]
    public string? LoggingDir { get; init; }

    /// <summary>no (only before the first and after the last step), steps or epoch.</summary>
    [ConfigKey("when to evaluate on held-out rows: no (before and after the run only), steps, epoch", Alias = "evaluation_strategy")]
    public string EvalStrategy { get; init; } = "no";

    /// <summary>Steps between two evaluations (eval_strategy: steps).</summary>
    [ConfigKey("steps between two evaluations")]
    public int EvalSteps { get; init; } = 500;

    /// <summary>Evaluate once before the first step, so that there is something to compare with.</summary>
    [ConfigKey("evaluate before the first step too")]
    public bool EvalOnStart { get; init; } = true;

    /// <summary>no, steps or epoch. The trained model itself is always written at the end.</summary>
    [ConfigKey("when to write checkpoints: no, steps, epoch")]
    public string SaveStrategy { get; init; } = "steps";

    /// <summary>Steps between two checkpoints (save_strategy: steps).</summary>
    [ConfigKey("steps between two checkpoints")]
    public int SaveSteps { get; init; } = 500;

    /// <summary>How many checkpoints to keep; 0 for all.</summary>
    [ConfigKey("how many checkpoints to keep; 0 for all")]
    public int SaveTotalLimit { get; init; }

    /// <summary>Largest weight file, as "5GB" or "500MB" (powers of 1000, as transformers counts).</summary>
    [ConfigKey("largest weight file, as 5GB or 500MB")]
    public string MaxShardSize { get; init; } = "5GB";

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. AtLeast("logging_steps", LoggingSteps, 1),
        .. ReportTo.SelectMany(target => OneOf("report_to", target, "tensorboard", "none")),
        .. OneOf("eval_strategy", EvalStrategy, "no", "steps", "epoch"),
        .. AtLeast("eval_steps", EvalSteps, 1),
        .. OneOf("save_strategy", SaveStrategy, "no", "steps", "epoch"),
        .. AtLeast("save_steps", SaveSteps, 1),
        .. AtLeast("save_total_limit", SaveTotalLimit, 0),
        .. ByteSize.TryParse(MaxShardSize, out _) ? [] : new[] { new ConfigProblem("max_shard_size", $"must be {ByteSize.Form} (was {MaxShardSize})") },
    ];
}
