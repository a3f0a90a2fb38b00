using System.Globalization;
using Zephyr.Configuration;

namespace Zephyr.Training.Watchdogs;

/// <summary>The best model so far: part of a checkpoint.</summary>
/// <param name="Metric">What is compared.</param>
/// <param name="Value">The best value of all evaluations; null before the first that is a number.</param>
/// <param name="Step">The step it was measured after.</param>
/// <param name="CheckpointValue">The best value of those after which a checkpoint was written.</param>
/// <param name="CheckpointStep">The step of that checkpoint; 0 for none.</param>
/// <param name="LastValue">The last evaluation's value.</param>
/// <param name="LastStep">The step it was made after.</param>
/// <param name="Waited">Evaluations in a row up to now that were no improvement.</param>
internal sealed record BestModelState(string Metric, double? Value = null, int Step = 0, double CheckpointValue = 0, int CheckpointStep = 0,
    double LastValue = 0, int LastStep = 0, int Waited = 0);

/// <summary>
/// Compares evaluations as transformers does (4.47 and later): first early stopping, against the best before, then the best itself. The evaluation before the
/// first step does not count, there either.
/// </summary>
/// <param name="options">The metric and what hangs on it.</param>
internal sealed class BestModelWatch(BestModelOptions options)
{
    private BestModelState? _state = NameOf(options) is { } metric ? new(metric) : null;

    /// <summary>What a checkpoint keeps; null where nothing is compared.</summary>
    public BestModelState? State => _state;

    /// <summary>The step of the best checkpoint; 0 for none.</summary>
    public int CheckpointStep => _state?.CheckpointStep ?? 0;

    /// <summary>Whether enough evaluations were no improvement.</summary>
    public bool StopsEarly => options.EarlyStoppingPatience > 0 && _state?.Waited >= options.EarlyStoppingPatience;

    /// <summary>Why, as a sentence.</summary>
    public string WhyEarly(int step) => string.Create(CultureInfo.InvariantCulture,
        $"stopped after step {step}: {_state!.Metric} has not been better than {_state.Value:0.######} (step {_state.Step}) for {_state.Waited} evaluation{(_state.Waited == 1 ? "" : "s")}, "
        + $"as early_stopping_patience allows{(options.EarlyStoppingThreshold > 0 ? $"; less than {options.EarlyStoppingThreshold} better does not count" : "")}");

    /// <summary>Goes on from a checkpoint.</summary>
    /// <param name="state">What it kept. Values of another metric say nothing here.</param>
    /// <param name="holds">Whether the checkpoint of a step is there: a run that is branched off has left the best one behind.</param>
    public void Restore(BestModelState? state, Func<int, bool> holds)
    {
        if (state is null || state.Metric != _state?.Metric) return;
        _state = state.CheckpointStep == 0 || holds(state.CheckpointStep) ? state : state with { CheckpointStep = 0, CheckpointValue = 0 };
    }

    /// <summary>An evaluation was made.</summary>
    /// <param name="step">The step it followed.</param>
    /// <param name="metrics">What was measured.</param>
    /// <param name="saved">Whether a checkpoint is written after this step.</param>
    public void See(int step, IReadOnlyDictionary<string, double> metrics, bool saved)
    {
        if (_state is not { } state || step == 0) return;
        var value = metrics[state.Metric];
        var waited = state.Value is not { } best || (IsBetter(value, best) && Math.Abs(value - best) > options.EarlyStoppingThreshold) ? 0 : state.Waited + 1;
        state = state with { Waited = waited, LastStep = step, LastValue = value };
        if (double.IsFinite(value) && (state.Value is null || IsBetter(value, state.Value.Value))) state = state with { Value = value, Step = step };
        if (saved && double.IsFinite(value) && (state.CheckpointStep == 0 || IsBetter(value, state.CheckpointValue)))
            state = state with { CheckpointValue = value, CheckpointStep = step };
        _state = state;
    }

    /// <summary>The step of the checkpoint whose model is to be written at the end; 0 for the model in memory: it was asked for, or is as good.</summary>
    /// <param name="step">The last step.</param>
    public int Choice(int step)
    {
        if (!options.LoadBestModelAtEnd || _state is not { CheckpointStep: > 0 } state || state.CheckpointStep == step) return 0;
        return state.LastStep == step && IsBetter(state.LastValue, state.CheckpointValue) ? 0 : state.CheckpointStep;
    }

    /// <summary>Which model was written, as a sentence; null where the choice was not asked for.</summary>
    public string? WhichModel(int step)
    {
        if (!options.LoadBestModelAtEnd || _state is not { } state) return null;
        var chosen = Choice(step);
        var (of, value) = chosen > 0 ? (chosen, state.CheckpointValue) : (step, state.LastValue);
        return string.Create(CultureInfo.InvariantCulture, $"the model written is that of step {of}, of {state.Metric} {value:0.######}{(of == step ? ", the last" : "")}");
    }

    // NaN is never better.
    private bool IsBetter(double value, double than) =>
        options.GreaterIsBetter ?? !_state!.Metric.EndsWith("loss", StringComparison.Ordinal) ? value > than : value < than;

    /// <summary>"eval_loss": what is compared, whole; null for nothing.</summary>
    private static string? NameOf(BestModelOptions options) => (options.MetricForBestModel ?? (options.LoadBestModelAtEnd ? "loss" : null)) is not { } name ? null
        : name.StartsWith("eval_", StringComparison.Ordinal) ? name : "eval_" + name;
}
