using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Weights;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training;

/// <summary>A model of two layers and rows of random ids: whatever a trainer does, it does in milliseconds.</summary>
internal static class TinyTraining
{
    public static MistralConfig Shape { get; } = new()
    {
        VocabSize = 64,
        HiddenSize = 16,
        IntermediateSize = 32,
        NumHiddenLayers = 2,
        NumAttentionHeads = 2,
        NumKeyValueHeads = 1,
        HeadDim = 8,
        MaxPositionEmbeddings = 64,
        SlidingWindow = 8,
        InitializerRange = 0.2,
    };

    public static MistralForCausalLM Model(ScalarType dtype = ScalarType.Float32, bool trainable = true, long seed = 1)
    {
        using var fresh = FreshModel.Create(Shape, seed, CPU);
        var parameters = new ParameterSet();
        foreach (var (name, weight) in fresh.Parameters.All)
        {
            using var scope = NewDisposeScope();
            parameters.Add(name, weight.detach().clone().to_type(dtype));
        }
        return new(Shape, parameters.RequireGradients(trainable));
    }

    /// <summary>Sequences of 3 to 20 ids; of every second one only the latter half is supervised.</summary>
    public static List<TokenSequence> Sequences(int count, long seed = 7)
    {
        var random = new SeededRandom(seed);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var ids = Ids(random, 3 + random.NextInt(18));
            return new TokenSequence(ids, i % 2 == 0 ? null : [.. ids.Select((_, at) => at >= ids.Length / 2)]);
        })];
    }

    public static List<TokenizedPair> Pairs(int count, long seed = 7)
    {
        var random = new SeededRandom(seed);
        return [.. Enumerable.Range(0, count).Select(i => new TokenizedPair(new RowLocation("pairs", i + 1, false),
            Ids(random, 2 + random.NextInt(6)), Ids(random, 1 + random.NextInt(9)), Ids(random, 1 + random.NextInt(9))))];
    }

    /// <summary>A DPO objective whose reference is another model than the policy. The reference is the caller's.</summary>
    public static DpoObjective Dpo(MistralForCausalLM policy, MistralForCausalLM reference, PairLayoutKind layout = PairLayoutKind.Separate, bool recompute = false) =>
        Dpo(policy, reference, new(DpoLossSettings.Sigmoid(0.1), layout, recompute ? 1 : 0));

    /// <summary>The same, set in any way.</summary>
    public static DpoObjective Dpo(MistralForCausalLM policy, MistralForCausalLM reference, DpoSettings settings) =>
        new(policy, new FrozenReference(reference, settings, new()), settings, new());

    /// <summary>Writes model folders as a pipeline does: the fp32 master weights.</summary>
    public static TrainerOutput Output(string folder) =>
        new(new(folder), (path, master) => ModelFolder.Save(path, Shape, master, long.MaxValue));

    public static TrainerOptions Options(
        double epochs = 1, int batch = 2, int accumulation = 2, double rate = 1e-2, int logging = 1, int saving = 1, int keep = 0, string evaluation = "no") =>
        new(new() { NumTrainEpochs = epochs, PerDeviceTrainBatchSize = batch, GradientAccumulationSteps = accumulation },
            new() { LearningRate = rate, LrSchedulerType = "cosine", WarmupRatio = 0.1, WeightDecay = 0.01 },
            new() { LoggingSteps = logging, SaveSteps = saving, SaveTotalLimit = keep, EvalStrategy = evaluation, EvalSteps = 2 }, 42);

    private static int[] Ids(SeededRandom random, int length) => [.. Enumerable.Range(0, length).Select(_ => random.NextInt(Shape.VocabSize))];
}

/// <summary>Asks a run to stop, as a signal would, once it has taken a step.</summary>
internal sealed class StopAfter(int step) : ITrainingObserver, IDisposable
{
    private readonly CancellationTokenSource _source = new();

    public CancellationToken Token => _source.Token;

    public void OnStep(StepReport report)
    {
        if (report.Step == step) _source.Cancel();
    }

    public void OnStart(TrainingPlan plan)
    {
        if (step == 0) _source.Cancel();
    }

    public void OnEvaluation(EvaluationReport report) { }

    public void OnCheckpoint(string path, int afterStep) { }

    public void OnNote(string text) { }

    public void OnEnd(TrainingSummary summary) { }

    public void Dispose() => _source.Dispose();
}
