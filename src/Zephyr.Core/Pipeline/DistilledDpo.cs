using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Prepared;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;
using Zephyr.Evaluation.Memory;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>dDPO, the third step of the recipe: the SFT model is aligned on preference pairs against a frozen copy of itself.</summary>
public static class DistilledDpo
{
    /// <summary>Reads the pairs, trains, and writes the model to output_dir.</summary>
    /// <param name="resolved">A valid configuration with the origin of its values.</param>
    /// <param name="settings">Resume choice and observer.</param>
    /// <param name="cancellation">Finishes the step in hand, saves a checkpoint, and stops.</param>
    /// <exception cref="UserErrorException">Bad input: nothing was written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before training began: nothing was written.</exception>
    /// <exception cref="RunFailedException">The run could not go on; the last checkpoint is whole.</exception>
    public static TrainingSummary Run(ResolvedConfig<DpoConfig> resolved, StageSettings settings, CancellationToken cancellation)
    {
        var config = resolved.Value;
        using var run = Prepare(resolved, settings, leavesNothing: false, cancellation);
        try
        {
            var dpo = DpoSettings.Of(config.Dpo, config.Training.RecomputeEvery());
            using var workspace = new LogitsWorkspace();
            // Before the policy is loaded: the two are never in memory together.
            var cached = config.Dpo.Reference == "cached" ? CachedReferenceOf.Run(run, dpo, workspace, config.Training.PerDeviceEvalBatchSize, cancellation) : null;
            using var policy = run.Stage.LoadPolicy(dropout: !config.Dpo.DisableDropout);
            using var second = run.ReferenceStays ? run.Stage.LoadReference(run.Reference!) : null;
            using var switched = config.Dpo.Reference == "adapter" ? new AdapterReference(policy, run.Stage.LoadStartingAdapter(), dpo, workspace) : null;
            IReferenceLogProbs reference = second is not null ? new FrozenReference(second, dpo, workspace) : switched is not null ? switched : cached!;
            var objective = new DpoObjective(policy, reference, dpo, workspace);
            if (run.Stage.Checkpoint is null && run.Reference == config.Model.ModelNameOrPath) RequireAgreement(objective, run.Data.Train, config);
            return run.Stage.Train(run, policy, objective, cancellation);
        }
        catch (Exception error) when (TorchErrors.IsOutOfMemory(error))
        {
            throw run.OutOfMemory(error, "before the first step");
        }
    }

    /// <summary>Does everything up to the first step but load the weights, writes nothing, and says what the run would do.</summary>
    /// <inheritdoc cref="Run"/>
    public static RunPlan Plan(ResolvedConfig<DpoConfig> resolved, StageSettings settings, CancellationToken cancellation)
    {
        using var run = Prepare(resolved, settings, leavesNothing: true, cancellation);
        return run.Stage.Planner.PlanOf(run, typeof(DpoObjective), "pairs", Count);
    }

    /// <summary>Tokens run through the policy for a pair, its labels, and its longer sequence.</summary>
    internal static (int Tokens, int Labels, int Longest) Count(TokenizedPair pair) => (
        2 * pair.PromptIds.Length + pair.ChosenIds.Length + pair.RejectedIds.Length,
        pair.ChosenIds.Length + pair.RejectedIds.Length,
        pair.PromptIds.Length + Math.Max(pair.ChosenIds.Length, pair.RejectedIds.Length));

    /// <summary>What a run takes, by its rows and keys.</summary>
    internal static RunForecast<TokenizedPair> ForecastOf(DpoConfig config, ForecastModels models, bool onCuda, TrainingData<TokenizedPair> data, TokenLimit<TokenizedPair> limit)
    {
        var settings = DpoSettings.Of(config.Dpo, config.Training.RecomputeEvery());
        var setup = models.Setup(config.Training, config.Optimizer, onCuda) with
        {
            IsDpo = true,
            Dropout = config.Dpo.DisableDropout ? 0 : models.Adapter?.Dropout ?? 0,
            Reference = models.Reference,
            ReferenceInSteps = config.Dpo.Reference != "cached",
            StartingAdapter = config.Dpo.Reference == "adapter" && models.StartsFromAdapter,
            Layout = settings.Layout,
        };
        return new(setup, data, new(config.Training, config.Optimizer, config.Cadence, config.Run.Seed), limit,
            (pairs, layout) => MicroBatchShape.Of(pairs, settings with { Layout = layout }, models.Policy.VocabSize));
    }

    /// <summary>Finds and checks everything that the run starts from, and makes the rows into pairs of token ids.</summary>
    private static PreparedRun<TokenizedPair> Prepare(ResolvedConfig<DpoConfig> resolved, StageSettings settings, bool leavesNothing, CancellationToken cancellation)
    {
        var config = resolved.Value;
        var files = new StageFiles(config.Data);
        var stage = new TrainingStage("dpo", config.Model, config.Lora, config.Run, new(config.Training, config.Optimizer, config.Cadence, config.Run.Seed) { Watchdogs = config.Watchdogs, Best = config.Best },
            resolved.ToJson(), settings, cancellation);
        stage.Remark(resolved);
        stage.RequirePositions("max_length", config.Dpo.MaxLength);
        var reference = config.Dpo.RefModelNameOrPath ?? config.Model.ModelNameOrPath;
        stage.RequireReference(reference, "max_length", config.Dpo.MaxLength);

        var rows = new RowPreparation(stage, files, config.Data.DatasetCacheDir, leavesNothing).Run(new RowRecipe<TokenizedPair>(new PairFormat(files.All), Key, Make), cancellation);
        var stays = config.Dpo.Reference == "frozen";
        stage.Note(PassesOf(config.Dpo.PairLayout, config.Dpo.Reference != "cached"));
        stage.Note(DescribeReference(config.Dpo.Reference, reference, stage));
        if (stays && stage.Quantization is not null) stage.Note("the reference is a second model in memory, in NF4 like the policy's; reference: adapter gives the same numbers without it");
        if (stage.Adapter is { Dropout: > 0 } && config.Dpo.DisableDropout) stage.Note("the adapter's dropout is not applied: disable_dropout is true, as in TRL's DPO");
        var limit = LimitOf(config, rows.Train, rows.Held);
        var models = new ForecastModels(stage.ModelConfig, stays ? stage.SourceOf(reference).ReadConfig() : null, stage.Adapter, stage.Source.Adapter is not null, stage.Quantization);
        var run = new PreparedRun<TokenizedPair>(stage, files, rows, limit, reference, stays)
        {
            PlaceOf = (pair, _) => $"{pair.Location}",
            Forecast = ForecastOf(config, models, stage.Room.IsCuda, new(rows.Train, rows.Held), limit),
        };
        if (config.Watchdogs.MemoryCheck && !leavesNothing) run.RequireMemory();
        if (PairRows.EqualAnswers(rows.Train) is { } equal) stage.Note(equal);
        if (config.Watchdogs.Preflight)
            run.Check(leavesNothing, config.Data, [.. files.First(PreferenceSchema.Read, TemplateRoundTrip.Rows / 2).SelectMany(TemplateRoundTrip.Of)]);
        return run;

        byte[] Key() => RowsKey.Of(config, config.Data, config.Run.Seed, stage, files, cancellation);

        (IEnumerable<TokenizedPair>, IEnumerable<TokenizedPair>) Make(Action<string> note, string _)
        {
            var (train, held) = files.Rows(PreferenceSchema.Read, PairRows.PromptOf, config.Run.Seed, cancellation);
            return (Tokenize("training", train), held is null ? [] : Tokenize("held-out", held));

            IEnumerable<TokenizedPair> Tokenize(string what, IEnumerable<PreferencePair> rows) =>
                PairRows.Tokenize(what, rows, files.Bad, stage.Tokenizer, config.Dpo, config.Data, note, cancellation);
        }
    }

    /// <summary>What max_tokens_per_batch comes to for pairs, none of which may be over it.</summary>
    internal static TokenLimit<TokenizedPair> LimitOf(DpoConfig config, params IReadOnlyList<IReadOnlyList<TokenizedPair>> sides)
    {
        var layout = DpoSettings.Of(config.Dpo).Layout;
        TokenLimit<TokenizedPair> limit = new(config.Training.MaxTokensPerBatch, pair => DpoObjective.TokensAtOnce(pair, layout));
        foreach (var pairs in sides)
            limit.RequireRoom(pairs, (pair, _) => $"{pair.Location}", layout == PairLayoutKind.SharedPrefix ? "lower max_length" : "lower max_length, or give pair_layout shared_prefix");
        return limit;
    }

    /// <summary>Which model the policy is held to, in full: of an adapter's reference there are several that one could mean.</summary>
    private static string DescribeReference(string kind, string folder, TrainingStage stage)
    {
        var what = kind == "adapter" && stage.Source.Adapter is null ? $"{stage.Source.Base}, which is the policy with its adapter off"
            : kind == "adapter" ? $"{StageAdapter.Words(stage.Source)} as it stands there, which is switched on in the policy's place"
            : StageAdapter.Words(stage.SourceOf(folder));
        return $"reference: {what}{(folder == stage.Source.Folder ? "" : $"; the policy starts from {StageAdapter.Words(stage.Source)}")}";
    }

    private static string PassesOf(string layout, bool inSteps)
    {
        if (!inSteps)
            return layout == "separate"
                ? "two forward passes a step, policy(chosen) and policy(rejected); the reference's are computed once before the first"
                : "one forward pass a step, policy(chosen + rejected); the reference's are computed once before the first";
        return layout == "separate"
            ? "four forward passes a step: policy(chosen), policy(rejected), reference(chosen), reference(rejected)"
            : "two physical forward passes a step for the paper's four: policy(chosen + rejected), reference(chosen + rejected), each one ragged pass"
                + (layout == "shared_prefix" ? " in which every prompt stands once" : "");
    }

    /// <summary>
    /// Where policy and reference hold the same weights they must say the same: rewards 0, and ln 2 for the sigmoid loss. Both run the
    /// same kernels on the same bits, so the bound is for rounding only: 1e-4 in fp32, 1e-2 in bf16.
    /// </summary>
    internal static void RequireAgreement(DpoObjective objective, IReadOnlyList<TokenizedPair> pairs, DpoConfig config)
    {
        using var scope = TorchSharp.torch.NewDisposeScope();
        var sample = new TokenLimit<TokenizedPair>(config.Training.MaxTokensPerBatch, objective.TokensAtOnce)
            .BatchesInOrder(pairs, config.Training.PerDeviceTrainBatchSize).First();
        var means = objective.Evaluate(sample, objective.TotalsOf(sample)).cpu().data<float>().Select(sum => sum / sample.Count).ToArray();
        var bound = config.Training.Bf16 ? 1e-2 : 1e-4;
        // A weight or a likelihood term makes the loss another number; the rewards are 0 whatever it is made of.
        var plain = config.Dpo is { LossType: ["sigmoid"], LossWeights: [] or [1], RpoAlpha: null or 0 };
        var off = plain ? Math.Abs(means[0] - Math.Log(2)) : Math.Max(Math.Abs(means[1]), Math.Abs(means[2]));
        if (!(off <= bound))
            throw new RunFailedException($"policy and reference have the same weights, but their first loss is {means[0]} and their rewards {means[1]} and {means[2]}; "
                + $"expected {(plain ? "ln 2 = 0.6931 and 0" : "rewards of 0")} to {bound}: this is a defect of the program or of its libtorch, and training would start from a wrong place");
    }
}
