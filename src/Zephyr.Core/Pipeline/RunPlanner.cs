using Zephyr.Configuration;
using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>Works out a prepared run's plan: arithmetic on the rows, the schedule and the model's shape.</summary>
/// <param name="options">The training loop's keys, with the values that a resumed run must share.</param>
/// <param name="model">Which model, written in which data type.</param>
internal sealed class RunPlanner(TrainerOptions options, ModelOptions model)
{
    private readonly bool _bf16 = options.Training.Bf16;

    /// <summary>The plan. Refuses a checkpoint that the run could not go on from.</summary>
    /// <param name="run">Everything read and checked.</param>
    /// <param name="objective">The objective's type, which a checkpoint names.</param>
    /// <param name="unit">sequences or pairs.</param>
    /// <param name="count">Tokens run through the policy for a row, its labels, and its longest sequence.</param>
    /// <exception cref="UserErrorException">The checkpoint is of a run whose steps meant something else.</exception>
    public RunPlan PlanOf<TExample>(PreparedRun<TExample> run, Type objective, string unit, Func<TExample, (int Tokens, int Labels, int Longest)> count)
    {
        var (stage, data) = (run.Stage, run.Data);
        RowPlan rows = new(unit, Sum(data.Train, count), Sum(data.Held, count));
        var batches = BatchPlan.Of(data, options, run.Limit.TokensOf);
        var total = batches.TotalSteps(options.Training.NumTrainEpochs, options.Training.MaxSteps);
        var start = StartOf(stage.Checkpoint, RunShape.Of(objective.Name, batches, rows.Train.Tokens, total, options));
        var (held, learned, steps) = (stage.ModelConfig.ParameterCount, LearnedIn(stage), StepsOf(options, batches, start, total, data.Held.Count > 0));
        return new(stage.Name, new(run.Files.Train, [.. run.Files.All.Skip(run.Files.Train.Count)]), rows, steps,
            new(stage.Checkpoint ?? model.ModelNameOrPath, stage.Checkpoint, learned, stage.Precision, $"{stage.Device}", run.Reference) { Frozen = stage.Adapter is null ? 0 : held },
            run.Forecast.Memory(stage.Room, start), run.Forecast.Cost(steps), DiskOf(stage, batches, start, total), stage.Notes);
    }

    /// <summary>Refuses a run whose checkpoints the disk has no room for: at hour 20 is a bad time to find that out.</summary>
    /// <param name="run">Everything read and checked.</param>
    /// <exception cref="UserErrorException">It has not.</exception>
    public void RequireDisk<TExample>(PreparedRun<TExample> run)
    {
        var (stage, batches) = (run.Stage, BatchPlan.Of(run.Data, options, run.Limit.TokensOf));
        var start = stage.Checkpoint is { } checkpoint ? TrainingState.Read(checkpoint).Step : 0;
        var disk = DiskOf(stage, batches, start, batches.TotalSteps(options.Training.NumTrainEpochs, options.Training.MaxSteps));
        if (!disk.Fits)
            throw new UserErrorException($"output_dir: {disk.OutputDir} needs {ByteCount.Describe(disk.Ahead)} for the checkpoints and the model that the run will write, found "
                + $"{ByteCount.Describe(disk.Free!.Value + disk.Freed)} free; give another output_dir, a lower save_total_limit (0 keeps all) or fewer checkpoints, "
                + "or preflight: false to go without this check");
    }

    /// <summary>What one side of the rows comes to.</summary>
    public static RowCount Sum<TExample>(IReadOnlyList<TExample> rows, Func<TExample, (int Tokens, int Labels, int Longest)> count)
    {
        var (tokens, labels, longest) = (0L, 0L, 0);
        foreach (var row in rows.Select(count)) (tokens, labels, longest) = (tokens + row.Tokens, labels + row.Labels, Math.Max(longest, row.Longest));
        return new(rows.Count, tokens, labels, longest);
    }

    private static int StartOf(string? checkpoint, SortedDictionary<string, string> shape)
    {
        if (checkpoint is null) return 0;
        var state = TrainingState.Read(checkpoint);
        state.RequireSameShape(checkpoint, shape);
        return state.Step;
    }

    /// <summary>The steps of a run.</summary>
    /// <param name="options">The training loop's keys.</param>
    /// <param name="batches">How the rows are divided.</param>
    /// <param name="start">Steps done before.</param>
    /// <param name="total">Steps of the whole run.</param>
    /// <param name="evaluates">Rows are held out.</param>
    public static StepPlan StepsOf(TrainerOptions options, BatchPlan batches, int start, int total, bool evaluates)
    {
        var schedule = new LearningRateSchedule(options.Optimizer, total);
        var peak = schedule.PeakStep;
        var cadence = options.Cadence;
        var due = Due(cadence.EvalStrategy, cadence.EvalSteps, batches, start, total);
        // After the last step there is one in any case.
        var evaluations = due.Count + (due.Count > 0 && due[^1] == total ? 0 : 1) + (start == 0 && cadence.EvalOnStart ? 1 : 0);
        return new(total, start, batches.StepsPerEpoch, batches.EpochAfter(total), (long)batches.MicroBatchSize * batches.Accumulation,
            batches.Summary(total), schedule.At(1), peak, schedule.At(peak), schedule.At(total), evaluates ? evaluations : 0);
    }

    /// <summary>The steps from <paramref name="start"/> on after which something is due, by the training loop's rule.</summary>
    private static StepSeries Due(string strategy, int steps, BatchPlan batches, int start, int total) => strategy switch
    {
        "steps" => new(steps, start, total),
        "epoch" => new(batches.StepsPerEpoch, start, total),
        _ => new(1, total, total),
    };

    /// <summary>How many numbers are learned.</summary>
    private static long LearnedIn(TrainingStage stage) => stage.Adapter?.ParameterCountOf(stage.ModelConfig) ?? stage.ModelConfig.ParameterCount;

    /// <summary>AdamW's two averages of a parameter, or RMSprop's one, and the fp32 master copy beside bf16 weights.</summary>
    private long StateBytes(TrainingStage stage) => LearnedIn(stage)
        * ((options.Optimizer.Optim == "rmsprop" ? 1 : 2) * (options.Optimizer.OptimStateDtype == "bfloat16" ? 2 : 4) + (_bf16 && stage.Adapter is null ? 4 : 0));

    private DiskPlan DiskOf(TrainingStage stage, BatchPlan batches, int start, int total)
    {
        var folder = stage.Folder;
        var written = LearnedIn(stage) * (model.TorchDtype == "float32" || stage.Adapter is not null ? 4 : 2);
        var cadence = options.Cadence;
        var checkpoints = Due(cadence.SaveStrategy, cadence.SaveSteps, batches, start, total);
        // The best one stays beside the newest.
        var limit = cadence.SaveTotalLimit == 0 ? int.MaxValue : Math.Max(cadence.SaveTotalLimit, options.Best.Compares ? 2 : 1);
        var goesOn = stage.Checkpoint is not null && folder.Holds(stage.Checkpoint);
        return new(folder.Root, checkpoints, Math.Min(limit, checkpoints.Count), written + StateBytes(stage), written, OutputFolder.FreeBytes(folder.Root))
        {
            Standing = goesOn ? folder.Checkpoints.Count : 0,
            Freed = goesOn ? 0 : folder.RunBytes,
            Limit = limit + 1L,
        };
    }
}
