using System.Globalization;
using Zephyr.Configuration;

namespace Zephyr.Training.Watchdogs;

/// <summary>Looks at what a step came to before it reaches the weights: whether it may, and what there is to say about it.</summary>
/// <param name="options">What a step that is not finite does, and when a loss is a spike.</param>
/// <param name="names">Names rows.</param>
/// <param name="findRows">A clause that names the rows behind a step that is not finite.</param>
/// <param name="note">Takes what there is to say.</param>
internal sealed class StepWatch(WatchdogOptions options, RowNames names, Func<StepSums, string> findRows, Action<string> note)
{
    private readonly LossSpikes _spikes = new(options.LossSpikeFactor);
    private readonly DeadGradients _dead = new();
    private bool _toldOfUnsupervised;

    /// <summary>Whether a step that is not finite is skipped rather than the end of the run.</summary>
    public bool Skips { get; } = options.OnNonfinite == "skip";

    /// <summary>Steps so far that did not reach the weights.</summary>
    public int Skipped { get; private set; }

    /// <summary>Those in a row up to now that were not finite.</summary>
    public int SkippedInARow { get; private set; }

    /// <summary>What a checkpoint keeps, and gives back.</summary>
    public WatchState State
    {
        get => new()
        {
            SkippedSteps = Skipped,
            SkippedInARow = SkippedInARow,
            Losses = _spikes.Losses,
            InSpike = _spikes.InSpike,
            DeadSteps = _dead.Steps,
            DeadWeights = _dead.Weights,
        };
        set
        {
            (Skipped, SkippedInARow) = (value.SkippedSteps, value.SkippedInARow);
            _spikes.Restore(value);
            _dead.Restore(value);
        }
    }

    /// <summary>Whether a step may reach the weights; otherwise it is skipped.</summary>
    /// <param name="step">The step, from 1.</param>
    /// <param name="sums">What it came to.</param>
    /// <param name="kept">What there is to go on from where the run stops.</param>
    /// <exception cref="NonFiniteStepException">It is not finite, and the run is to stop.</exception>
    public bool Passes(int step, StepSums sums, Func<string> kept)
    {
        if (sums.Unsupervised.Count > 0 && !_toldOfUnsupervised)
        {
            _toldOfUnsupervised = true;
            note($"step {step}: nothing is supervised in {(sums.MicroBatches.Count > 0 ? "a micro-batch" : "its rows")}, which teaches nothing (told once): {names.Of(sums.Unsupervised)}");
        }
        if (sums.MicroBatches.Count == 0)
        {
            Skipped++;
            return false;
        }
        if (!sums.IsFinite) return Refuse(step, sums, kept);
        SkippedInARow = 0;
        if (_spikes.See(sums.Loss) is { } spike) note($"step {step}: {spike}; {WorstRows(sums)}");
        if (_dead.See(sums) is { } dead) note($"step {step}: {dead}; its rows: {names.Of(sums.Rows)}");
        return true;
    }

    private bool Refuse(int step, StepSums sums, Func<string> kept)
    {
        var what = string.Create(CultureInfo.InvariantCulture, $"step {step}: the loss is {sums.Loss} and the gradient norm {sums.GradientNorm}; {findRows(sums)}");
        if (!Skips) throw new NonFiniteStepException(what, kept());
        if (SkippedInARow == options.MaxConsecutiveSkips)
            throw new NonFiniteStepException($"{what}; the {SkippedInARow} steps before it were skipped for the same, as many in a row as max_consecutive_skips allows", kept());
        (Skipped, SkippedInARow) = (Skipped + 1, SkippedInARow + 1);
        note($"{what}; the step was skipped and the weights are those before it ({Skipped} skipped so far)");
        return false;
    }

    /// <summary>The micro-batch of the highest loss: of a large step that is worth more than its first rows.</summary>
    private string WorstRows(StepSums sums)
    {
        // A sum says little across micro-batches of unequal size, but the one that made the step a spike stands out in it.
        var worst = sums.MicroBatches[Array.IndexOf(sums.Losses, sums.Losses.Max())];
        return sums.MicroBatches.Count == 1 ? $"its rows: {names.Of(worst)}" : $"the rows of its worst micro-batch: {names.Of(worst)}";
    }
}
