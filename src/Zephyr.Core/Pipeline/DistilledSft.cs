using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Prepared;
using Zephyr.Data.Sources;
using Zephyr.Evaluation.Memory;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>dSFT, the first step of the recipe: a base model learns to answer from dialogues that a stronger model wrote.</summary>
public static class DistilledSft
{
    /// <summary>Reads the dialogues, trains, and writes the model to output_dir.</summary>
    /// <param name="resolved">A valid configuration with the origin of its values.</param>
    /// <param name="settings">Resume choice and observer.</param>
    /// <param name="cancellation">Finishes the step in hand, saves a checkpoint, and stops.</param>
    /// <exception cref="UserErrorException">Bad input: nothing was written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before training began: nothing was written.</exception>
    /// <exception cref="RunFailedException">The run could not go on; the last checkpoint is whole.</exception>
    public static TrainingSummary Run(ResolvedConfig<SftConfig> resolved, StageSettings settings, CancellationToken cancellation)
    {
        using var run = Prepare(resolved, settings, leavesNothing: false, cancellation);
        try
        {
            using var policy = run.Stage.LoadPolicy();
            using var workspace = new LogitsWorkspace();
            var objective = new SftObjective(policy, workspace, resolved.Value.Training.RecomputeEvery());
            return run.Stage.Train(run, policy, objective, cancellation);
        }
        catch (Exception error) when (TorchErrors.IsOutOfMemory(error))
        {
            throw run.OutOfMemory(error, "before the first step");
        }
    }

    /// <summary>Does everything up to the first step but load the weights, writes nothing, and says what the run would do.</summary>
    /// <inheritdoc cref="Run"/>
    public static RunPlan Plan(ResolvedConfig<SftConfig> resolved, StageSettings settings, CancellationToken cancellation)
    {
        using var run = Prepare(resolved, settings, leavesNothing: true, cancellation);
        return run.Stage.Planner.PlanOf(run, typeof(SftObjective), "sequences", sequence => (sequence.Ids.Length, sequence.LabelCount, sequence.Ids.Length));
    }

    /// <summary>What a run takes, by its rows and keys.</summary>
    internal static RunForecast<TokenSequence> ForecastOf(SftConfig config, ForecastModels models, bool onCuda, TrainingData<TokenSequence> data, TokenLimit<TokenSequence> limit) =>
        new(models.Setup(config.Training, config.Optimizer, onCuda), data, new(config.Training, config.Optimizer, config.Cadence, config.Run.Seed), limit, (rows, _) => MicroBatchShape.Of(rows));

    /// <summary>Finds and checks everything that the run starts from, and makes the rows into sequences.</summary>
    private static PreparedRun<TokenSequence> Prepare(ResolvedConfig<SftConfig> resolved, StageSettings settings, bool leavesNothing, CancellationToken cancellation)
    {
        var config = resolved.Value;
        var files = new StageFiles(config.Data);
        var stage = new TrainingStage("sft", config.Model, config.Lora, config.Run, new(config.Training, config.Optimizer, config.Cadence, config.Run.Seed) { Watchdogs = config.Watchdogs, Best = config.Best },
            resolved.ToJson(), settings, cancellation);
        stage.Remark(resolved);
        stage.RequirePositions("max_seq_length", config.Sft.MaxSeqLength);

        var rows = new RowPreparation(stage, files, config.Data.DatasetCacheDir, leavesNothing).Run(new RowRecipe<TokenSequence>(new SequenceFormat(files.All), Key, Make), cancellation);
        TokenLimit<TokenSequence> limit = new(config.Training.MaxTokensPerBatch, sequence => sequence.Ids.Length);
        RequireRoom("training", rows.Train);
        RequireRoom("held-out", rows.Held);
        var run = new PreparedRun<TokenSequence>(stage, files, rows, limit) { PlaceOf = (sequence, index) => PlaceOf("training", sequence, index) + Beginning(sequence), Forecast = ForecastOf(config, new(stage.ModelConfig, null, stage.Adapter, stage.Source.Adapter is not null, stage.Quantization), stage.Room.IsCuda, new(rows.Train, rows.Held), limit) };
        if (config.Watchdogs.MemoryCheck && !leavesNothing) run.RequireMemory();
        if (config.Watchdogs.Preflight) run.Check(leavesNothing, config.Data, files.First(ConversationSchema.Read, TemplateRoundTrip.Rows));
        return run;

        void RequireRoom(string what, IReadOnlyList<TokenSequence> side) =>
            limit.RequireRoom(side, (sequence, index) => PlaceOf(what, sequence, index), "lower max_seq_length");

        string PlaceOf(string what, TokenSequence sequence, int index) =>
            sequence.Location?.ToString() ?? $"{what} {(config.Sft.Packing ? "packed row" : "sequence")} {index + 1}";

        // A packed row has no place in a file, but a person can look for its words.
        string Beginning(TokenSequence sequence) => sequence.Location is null
            ? $" ({stage.Tokenizer.Decode(sequence.Ids.AsSpan(0, Math.Min(20, sequence.Ids.Length))).ReplaceLineEndings(" ")}...)"
            : "";

        byte[] Key() => RowsKey.Of(config, config.Data, config.Run.Seed, stage, files, cancellation);

        (IEnumerable<TokenSequence>, IEnumerable<TokenSequence>) Make(Action<string> note, string scratch)
        {
            var (train, held) = files.Rows(ConversationSchema.Read, ConversationRows.PromptOf, config.Run.Seed, cancellation);
            return (Tokenize("training", train), held is null ? [] : Tokenize("held-out", held));

            IEnumerable<TokenSequence> Tokenize(string what, IEnumerable<Conversation> rows) =>
                ConversationRows.Tokenize(what, rows, files.Bad, stage.Tokenizer, config.Sft, config.Data, note, cancellation, scratch);
        }
    }
}
