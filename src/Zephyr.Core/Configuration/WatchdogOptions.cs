using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>What a run checks of itself, and what it does when a step goes wrong. All own keys; none changes a number of a step that is taken.</summary>
public sealed record WatchdogOptions : IOptionGroup
{
    /// <summary>Before the first step: whether the checkpoints fit the disk, whether rendered rows come back from their tokens, and one pass over the largest micro-batch.</summary>
    [ConfigKey("check before the first step that checkpoints fit the disk, that rows come back from their tokens, and that the largest micro-batch goes forward and back")]
    public bool Preflight { get; init; } = true;

    /// <summary>Before anything is loaded: whether the run fits the memory of its device, by count (<c>zephyr plan</c>).</summary>
    [ConfigKey("refuse a run that cannot fit the memory of its device, by the count of zephyr plan, before anything is loaded")]
    public bool MemoryCheck { get; init; } = true;

    /// <summary>What a step does whose loss or gradient is not finite. It never reaches the weights: the run stops, or the step is skipped.</summary>
    [ConfigKey("what a step with a non-finite loss or gradient does: stop the run, skip; the weights are untouched")]
    public string OnNonfinite { get; init; } = "stop";

    /// <summary>With <see cref="OnNonfinite"/> skip: the most steps in a row that are skipped before the run stops after all.</summary>
    [ConfigKey("with on_nonfinite: skip, the most steps in a row that are skipped")]
    public int MaxConsecutiveSkips { get; init; } = 10;

    /// <summary>A loss this many deviations above the median of the last steps is told with its rows; 0 for never.</summary>
    [ConfigKey("tell of a step whose loss is this many standard deviations above the median of the last 64; 0 for never")]
    public double LossSpikeFactor { get; init; } = 10;

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. OneOf("on_nonfinite", OnNonfinite, "stop", "skip"),
        .. AtLeast("max_consecutive_skips", MaxConsecutiveSkips, 1),
        .. AtLeast("loss_spike_factor", LossSpikeFactor, 0),
    ];
}
