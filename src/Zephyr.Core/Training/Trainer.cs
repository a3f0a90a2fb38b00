using System.Diagnostics;
using Zephyr.Model;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Training.Watchdogs;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>
/// The one training loop: micro-batches add up gradients and sums, the step divides once by its whole weight, clips, and
/// updates (decision 4). SFT and DPO differ in the objective they hand in, nowhere here.
/// </summary>
public sealed class Trainer<TExample> : IDisposable
{
    private readonly IObjective<TExample> _objective;
    private readonly TrainingData<TExample> _data;
    private readonly TrainerOptions _options;
    private readonly TrainerOutput _output;
    private readonly ITrainingObserver _observer;
    private readonly BatchPlan _plan;
    private readonly LearningRateSchedule _schedule;
    private readonly ParameterSet _parameters;
    private readonly Device _device;
    private readonly Optimizer _optimizer;
    private readonly MetricTally _tally;
    private readonly SortedDictionary<string, string> _shape;
    private readonly StepAccumulation<TExample> _accumulation;
    private readonly StepWatch _watch;
    private readonly BestModelWatch _best;
    private int _step, _savedStep;
    private long _tokens;
    private bool _evaluationDue;

    /// <param name="model">The policy, trainable. Not owned.</param>
    /// <param name="objective">What is asked of it.</param>
    /// <param name="data">The rows.</param>
    /// <param name="options">Configuration.</param>
    /// <param name="output">Where results go.</param>
    /// <param name="observer">Who watches.</param>
    public Trainer(MistralForCausalLM model, IObjective<TExample> objective, TrainingData<TExample> data,
        TrainerOptions options, TrainerOutput output, ITrainingObserver observer)
    {
        (_objective, _data, _options, _output, _observer) = (objective, data, options, output, observer);
        _plan = BatchPlan.Of(data, options, objective.TokensAtOnce);
        TotalSteps = _plan.TotalSteps(options.Training.NumTrainEpochs, options.Training.MaxSteps);
        _schedule = new(options.Optimizer, TotalSteps);
        (_parameters, _device) = (model.Learned, model.Device);
        _optimizer = Optimizer.Create(_parameters, options.Optimizer, options.Seed);
        _tally = new(objective.MetricNames);
        _shape = RunShape.Of(objective.GetType().Name, _plan, data.Train.Sum(example => (long)objective.TokensOf(example)), TotalSteps, options);
        _accumulation = new(objective, data.Train, model, options.Seed);
        var names = new RowNames(data.PlaceOf);
        var search = new NonFiniteSearch<TExample>(objective, data.Train, _accumulation, _parameters.ClearGradients, names);
        _watch = new(options.Watchdogs, names, search.Describe, observer.OnNote);
        _best = new(options.Best);
    }

    /// <summary>Optimizer steps of the whole run.</summary>
    public int TotalSteps { get; }

    /// <summary>Steps taken so far.</summary>
    public int Step => _step;

    /// <summary>Tokens the policy has seen.</summary>
    public long Tokens => _tokens;

    /// <summary>What the micro-batches of the run's steps come to.</summary>
    public MicroBatchSummary MicroBatches => _plan.Summary(TotalSteps);

    /// <summary>Passes over the data that the whole run makes.</summary>
    public double Epochs => _plan.EpochAfter(TotalSteps);

    /// <summary>Whether the run goes on by repeating an evaluation that was cut off.</summary>
    public bool EvaluationDue => _evaluationDue;

    /// <summary>Goes on from a checkpoint whose weights the model already holds.</summary>
    /// <exception cref="UserErrorException">The checkpoint is broken, or its steps meant something else.</exception>
    public void Resume(string checkpoint)
    {
        var state = TrainingState.Read(checkpoint);
        state.RequireSameShape(checkpoint, _shape);
        Checkpoint.Restore(checkpoint, _optimizer, state.Step - state.Watch.SkippedSteps);
        (_step, _tokens, _evaluationDue) = (state.Step, state.Tokens, state.EvaluationDue);
        _savedStep = _output.Folder.Holds(checkpoint) ? _step : 0;
        _tally.Restore(state.TallySums, state.TallyWeights);
        _watch.State = state.Watch;
        _best.Restore(state.Best, step => Directory.Exists(_output.Folder.CheckpointAfter(step)));
    }

    /// <summary>One pass forward and back over the largest micro-batch ahead, which leaves everything as it was: memory and numbers are found out now.</summary>
    /// <param name="advice">Asked where memory runs out: what would take less.</param>
    /// <returns>What it took, as a sentence; null where no step is left.</returns>
    /// <exception cref="UserErrorException">It does not fit into memory.</exception>
    /// <exception cref="RunFailedException">Its loss or gradient is not finite, and steps of which that is so are not skipped.</exception>
    public string? Rehearse(Func<string> advice) => IsDone ? null
        : new TrialPass(rows => _accumulation.Run(rows), _parameters, new(_data.PlaceOf), advice).Run(_plan.Largest(_step + 1, TotalSteps), _watch.Skips);

    /// <summary>The highest and the last learning rate, as a sentence.</summary>
    public string LearningRates => _schedule.Describe();

    /// <summary>Trains to the last step, or until cancelled: then the step in hand is finished and saved.</summary>
    /// <returns>Whether it was cancelled with something left to do: a step, or the last evaluation.</returns>
    /// <exception cref="NonFiniteStepException">A step's loss or gradient was not finite; the weights are those before it.</exception>
    public bool Run(CancellationToken cancellation)
    {
        if (_evaluationDue || (_step == 0 && _options.Cadence.EvalOnStart)) Evaluate(cancellation);
        while (!IsDone && !cancellation.IsCancellationRequested)
        {
            TakeStep();
            if (IsDue(_options.Cadence.EvalStrategy, _options.Cadence.EvalSteps) || _step == TotalSteps) Evaluate(cancellation);
            if (SavesAfterStep) Save();
        }
        var interrupted = !IsDone || _evaluationDue;
        // Before the first step there is nothing to save: a second run begins anew.
        if (!interrupted) Finish();
        else if (_step > _savedStep) Save();
        return interrupted;
    }

    /// <summary>One optimizer step, or one that is skipped because it is not finite.</summary>
    /// <returns>The step's own means, and the norm of its gradient before clipping.</returns>
    /// <exception cref="NonFiniteStepException">Its loss or gradient is not finite, and the run is to stop.</exception>
    public (IReadOnlyDictionary<string, double> Means, double GradientNorm) TakeStep()
    {
        using var scope = NewDisposeScope();
        var watch = Stopwatch.StartNew();
        var step = _step + 1;
        var rate = _schedule.At(step);
        var sums = _accumulation.Run(_plan.MicroBatches(step), step);
        var norm = sums.GradientNorm;
        var passes = _watch.Passes(step, sums, () => _output.Folder.Kept);
        if (passes)
        {
            var limit = _options.Optimizer.MaxGradNorm;
            var clip = limit > 0 ? Math.Min(1, limit / (norm + 1e-6)) : 1;
            _optimizer.Step(clip / sums.Weight, rate);
            _tally.Add(sums.Sums, sums.Weights);
        }
        _parameters.ClearGradients();
        _step = step;
        _tokens += sums.Tokens;
        var means = _objective.MetricNames.Select((name, i) => (name, Mean: sums.Sums[i] / sums.Weights[i])).ToDictionary(entry => entry.name, entry => entry.Mean);
        Report(means, norm, rate, sums.Tokens, watch.Elapsed.TotalSeconds);
        return (means, norm);
    }

    /// <summary>Writes what <see cref="Resume"/> needs: the model, moments and master weights, the position.</summary>
    /// <param name="folder">An existing folder; the caller makes it appear whole.</param>
    public void WriteCheckpoint(string folder)
    {
        _output.WriteModel(folder, _optimizer.MasterWeights);
        Checkpoint.Write(folder, _optimizer, new(_step, _tokens, [.. _tally.Sums], [.. _tally.Weights], _evaluationDue, _shape)
        {
            Watch = _watch.State,
            Best = _best.State,
        });
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _parameters.ReleaseGradients();
        _optimizer.Dispose();
    }

    private bool IsDone => _step == TotalSteps || _best.StopsEarly;

    private bool SavesAfterStep => IsDue(_options.Cadence.SaveStrategy, _options.Cadence.SaveSteps);

    private void Finish()
    {
        if (_step < TotalSteps) _observer.OnNote(_best.WhyEarly(_step));
        var best = _best.Choice(_step);
        _output.Folder.WriteModel(folder =>
        {
            if (best > 0) Checkpoint.CopyModel(_output.Folder.CheckpointAfter(best), folder);
            else _output.WriteModel(folder, _optimizer.MasterWeights);
        });
        if (_best.WhichModel(_step) is { } which) _observer.OnNote(which);
    }

    private void Report(IReadOnlyDictionary<string, double> means, double norm, double rate, long tokens, double seconds)
    {
        var logged = _step % _options.Cadence.LoggingSteps == 0 || _step == TotalSteps;
        var metrics = new Dictionary<string, double>();
        if (logged)
        {
            metrics = _tally.Means();
            (metrics["grad_norm"], metrics["learning_rate"], metrics["num_tokens"]) = (norm, rate, _tokens);
            if (_watch.Skips) metrics["skipped_steps"] = _watch.Skipped;
            _tally.Clear();
        }
        _observer.OnStep(new(_step, TotalSteps, _plan.EpochAfter(_step), metrics, tokens, seconds, tokens / seconds, Environment.WorkingSet, logged)
        {
            Own = new(means, norm, rate),
            DeviceMemoryBytes = logged ? DeviceMemory.Used(_device) : null,
        });
    }

    private void Evaluate(CancellationToken cancellation)
    {
        if (_data.Held.Count == 0) return;
        var watch = Stopwatch.StartNew();
        _evaluationDue = true;
        try
        {
            var means = Evaluator.Run(_objective, _data.Held, _options.Training.PerDeviceEvalBatchSize, cancellation, "eval_", _plan.MaxTokens);
            _observer.OnEvaluation(new(_step, _plan.EpochAfter(_step), means, watch.Elapsed.TotalSeconds));
            _best.See(_step, means, SavesAfterStep);
            _evaluationDue = false;
        }
        catch (OperationCanceledException)
        {
            // The loop sees the cancelled token next and saves; the checkpoint says that this evaluation is still due.
        }
    }

    private void Save()
    {
        var path = _output.Folder.WriteCheckpoint(_step, WriteCheckpoint);
        _savedStep = _step;
        _observer.OnCheckpoint(path, _step);
        try
        {
            _output.Folder.Prune(_options.Cadence.SaveTotalLimit, _best.CheckpointStep);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            _observer.OnNote($"an old checkpoint could not be removed: {error.Message}");
        }
    }

    private bool IsDue(string strategy, int steps) => strategy switch
    {
        "steps" => _step % steps == 0,
        "epoch" => _step % _plan.StepsPerEpoch == 0,
        _ => false,
    };
}
