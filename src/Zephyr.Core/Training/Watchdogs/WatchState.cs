namespace Zephyr.Training.Watchdogs;

/// <summary>What the watchdogs of a run remember: part of a checkpoint, so that a resumed run skips, warns and stops as the uninterrupted one does.</summary>
internal sealed record WatchState
{
    /// <summary>Steps so far that did not reach the weights.</summary>
    public int SkippedSteps { get; init; }

    /// <summary>Those in a row up to now.</summary>
    public int SkippedInARow { get; init; }

    /// <summary>The last losses, oldest first; empty where nobody looks for spikes.</summary>
    public IReadOnlyList<double> Losses { get; init; } = [];

    /// <summary>The last step was a spike.</summary>
    public bool InSpike { get; init; }

    /// <summary>Steps in a row without a gradient.</summary>
    public int DeadSteps { get; init; }

    /// <summary>The same for weights that alone have none.</summary>
    public IReadOnlyDictionary<string, int> DeadWeights { get; init; } = new Dictionary<string, int>();
}
