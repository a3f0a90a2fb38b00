using System.Diagnostics;
using Zephyr.Configuration;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Evaluation.Memory;
using Zephyr.Model;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Evaluation.Speed;

/// <summary>What is timed.</summary>
/// <param name="Model">The policy, and for dpo a reference with the same weights.</param>
/// <param name="Training">Batch sizes and recomputation.</param>
/// <param name="Optimizer">The rate, as in a run.</param>
/// <param name="Warm">Steps before the clock starts.</param>
/// <param name="Steps">Steps that are timed.</param>
public sealed record BenchmarkSettings(BenchmarkModel Model, TrainingOptions Training, OptimizerOptions Optimizer, int Warm, int Steps);

/// <summary>What was measured.</summary>
/// <param name="StepSeconds">Each timed step.</param>
/// <param name="Loss">The loss of every step, those before the clock included.</param>
/// <param name="TokensPerSecond">Real tokens: each answer's with its prompt, as they stand in the file.</param>
/// <param name="RowsPerSecond">Pairs or blocks.</param>
/// <param name="PeakBytes">The most that was resident.</param>
/// <param name="TensorPeakBytes">The same above what the process held before the first model was made.</param>
/// <param name="MatrixProductsPerSecond">Operations a second on the model's own shapes, measured in the same process.</param>
/// <param name="MatrixProductShare">The share of that rate at which the steps did the products that they cannot do without.</param>
/// <param name="ModelOperationsPerSecond">Those products: see <see cref="MatrixProducts"/>. Over a card's published rate this is the model's utilisation (MFU).</param>
/// <param name="ReferenceSeconds">What it took to compute the reference's log-probabilities before the first step; null where they are part of the steps.</param>
public sealed record BenchmarkResult(IReadOnlyList<double> StepSeconds, IReadOnlyList<double> Loss, double TokensPerSecond, double RowsPerSecond,
    long PeakBytes, long TensorPeakBytes, double MatrixProductsPerSecond, double MatrixProductShare, double ModelOperationsPerSecond, double? ReferenceSeconds)
{
    /// <summary>The most of the GPU's memory that this process took, above what was in use before its first model; null on the CPU.</summary>
    public long? DevicePeakBytes { get; init; }

    /// <summary>What the plan says of these steps.</summary>
    public required MemoryPlan Plan { get; init; }

    /// <summary>The most that tensors took in them, counted; null where they are not.</summary>
    public long? CountedPeakBytes { get; init; }
}

/// <summary>Training steps against the clock: the trainer and the objectives themselves, on given token ids in the order of the file.</summary>
public static class Benchmark
{
    /// <summary>SFT on sequences, loss on all their tokens.</summary>
    /// <exception cref="RunFailedException">Memory ran out.</exception>
    public static BenchmarkResult Sft(BenchmarkSettings settings, IReadOnlyList<TokenSequence> rows, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(settings);
        using var workspace = new LogitsWorkspace();
        var work = new BenchmarkRows<TokenSequence>(settings, rows, SetupOf(settings), row => row.Ids.Length, (batch, _) => MicroBatchShape.Of(batch));
        return work.Guard(() => Run(settings, work, Held.Now(settings.Model.Device), policy => new SftObjective(policy, workspace, settings.Training.RecomputeEvery()),
            row => settings.Model.ForwardAndBack(LabelledBatch.Of([row])), cancellation));
    }

    /// <summary>DPO against a reference with the starting weights, in memory or computed before the first step.</summary>
    /// <exception cref="RunFailedException">Memory ran out.</exception>
    public static BenchmarkResult Dpo(BenchmarkSettings settings, DpoOptions options, IReadOnlyList<TokenizedPair> rows, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(options);
        var dpo = DpoSettings.Of(options, settings.Training.RecomputeEvery());
        // The policy's forward and back, and the reference's forward where it is among the steps.
        var setup = SetupOf(settings) with { IsDpo = true, Reference = options.Reference == "frozen" ? settings.Model.Config : null, ReferenceInSteps = options.Reference != "cached", Layout = dpo.Layout };
        var work = new BenchmarkRows<TokenizedPair>(settings, rows, setup, pair => DpoObjective.TokensAtOnce(pair, dpo.Layout),
            (pairs, layout) => MicroBatchShape.Of(pairs, dpo with { Layout = layout }, settings.Model.Config.VocabSize));
        return work.Guard(() => Dpo(settings, dpo, options.Reference, work, cancellation));
    }

    private static BenchmarkResult Dpo(BenchmarkSettings settings, DpoSettings dpo, string kind, BenchmarkRows<TokenizedPair> work, CancellationToken cancellation)
    {
        using var workspace = new LogitsWorkspace();
        var before = Held.Now(settings.Model.Device);
        var watch = Stopwatch.StartNew();
        IReferenceLogProbs? cached = kind == "cached" ? Cached(settings, dpo, workspace, work, cancellation) : null;
        double? seconds = cached is null ? null : watch.Elapsed.TotalSeconds;
        using var reference = kind == "frozen" ? settings.Model.Create(trainable: false) : null;
        return Run(settings, work, before,
            policy => new DpoObjective(policy, cached ?? (reference is null ? new AdapterReference(policy, null, dpo, workspace) : (IReferenceLogProbs)new FrozenReference(reference, dpo, workspace)), dpo, workspace),
            row => PairLayout.Of([row], dpo).Sum(batch => settings.Model.ForwardAndBack(batch) + (cached is null ? MatrixProducts.Forward(settings.Model.Config, batch) : 0)), cancellation) with
        {
            ReferenceSeconds = seconds,
        };
    }

    /// <summary>The log-probabilities of the rows that the steps will ask for; the reference is gone when they are there.</summary>
    private static CachedReference Cached(BenchmarkSettings settings, DpoSettings dpo, LogitsWorkspace workspace, BenchmarkRows<TokenizedPair> work, CancellationToken cancellation)
    {
        using var model = settings.Model.Create(trainable: false);
        var reference = new FrozenReference(model, dpo, workspace);
        var known = new Dictionary<UInt128, ReferencePair>();
        foreach (var batch in work.From(firstStep: 1).Distinct().Chunk(settings.Training.PerDeviceTrainBatchSize))
        {
            cancellation.ThrowIfCancellationRequested();
            using var scope = NewDisposeScope();
            var sums = reference.SumsOf(batch).cpu().data<float>().ToArray();
            for (var i = 0; i < batch.Length; i++) known[CachedReference.KeyOf(batch[i])] = new(sums[i], sums[i + batch.Length]);
        }
        return new(known, settings.Model.Device);
    }

    /// <summary>What is held at a moment, or was at most.</summary>
    private readonly record struct Held(long Process, long Tensors, long? OfDevice)
    {
        public static Held Now(Device device)
        {
            ProcessMemory.ForgetPeak();
            TensorMemory.ForgetPeak();
            return new(ProcessMemory.Resident, TensorMemory.InUse, DeviceMemory.Used(device));
        }
    }

    private static MemorySetup SetupOf(BenchmarkSettings settings)
    {
        var model = settings.Model;
        var setup = MemorySetup.Of(model.Config, model.Lora, model.Quantization, settings.Training, settings.Optimizer, model.Device.type == TorchSharp.DeviceType.CUDA);
        return model.AppliesDropout ? setup : setup with { Dropout = 0 };
    }

    private static BenchmarkResult Run<T>(BenchmarkSettings settings, BenchmarkRows<T> work, Held before, Func<MistralForCausalLM, IObjective<T>> objectiveOf, Func<T, double> productsOf, CancellationToken cancellation)
    {
        var timed = work.From(settings.Warm + 1).ToList();
        var taken = TakeSteps(settings, work, objectiveOf, timed, cancellation);
        var (total, tokens) = (taken.Seconds.Sum(), taken.Tokens);
        // Only now: the steps may have left a card no room beside their model.
        var rate = MatrixProductRate.Measure(settings.Model.Config, Math.Max(1, (int)(tokens / settings.Steps / settings.Training.GradientAccumulationSteps)),
            settings.Model.Dtype, settings.Model.Device);
        var operations = timed.Sum(productsOf) / total;
        return new(taken.Seconds, taken.Losses, tokens / total, timed.Count / total, taken.Peak.Process, Math.Max(0, taken.Peak.Process - before.Process), rate, operations / rate, operations, null)
        {
            Plan = work.Plan,
            CountedPeakBytes = TensorMemory.IsCounted && settings.Model.Device.type == TorchSharp.DeviceType.CPU ? taken.Peak.Tensors - before.Tensors : null,
            DevicePeakBytes = taken.Peak.OfDevice - before.OfDevice,
        };
    }

    /// <summary>Makes the model and takes the steps; of both only figures stay.</summary>
    private static (List<double> Seconds, List<double> Losses, double Tokens, Held Peak) TakeSteps<T>(
        BenchmarkSettings settings, BenchmarkRows<T> work, Func<MistralForCausalLM, IObjective<T>> objectiveOf, List<T> timed, CancellationToken cancellation)
    {
        using var policy = settings.Model.Create(trainable: true);
        var objective = objectiveOf(policy);
        work.RequireRoom();
        var options = new TrainerOptions(settings.Training with { MaxSteps = settings.Warm + settings.Steps }, settings.Optimizer, new(), Seed: 0);
        using var trainer = new Trainer<T>(policy, objective, new(work.All, [], Shuffle: false), options, new(new(""), (_, _) => { }), SilentObserver.Instance);
        List<double> seconds = [], losses = [];
        for (var step = 0; step < settings.Warm + settings.Steps; step++)
        {
            cancellation.ThrowIfCancellationRequested();
            var watch = Stopwatch.StartNew();
            losses.Add(trainer.TakeStep().Means["loss"]);
            // A step reads its sums before the weights move: without waiting, a GPU's update would be on the next step's clock.
            DeviceMemory.Synchronize(settings.Model.Device);
            if (step >= settings.Warm) seconds.Add(watch.Elapsed.TotalSeconds);
        }
        return (seconds, losses, timed.Sum(row => (double)objective.TokensOf(row)), new(ProcessMemory.Peak, TensorMemory.Peak, DeviceMemory.Used(settings.Model.Device)));
    }
}
