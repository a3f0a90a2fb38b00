using System.Diagnostics;
using Zephyr.Configuration;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Evaluation.Speed;

/// <summary>What is timed.</summary>
/// <param name="Model">Its shape; the weights are random, speed does not depend on them.</param>
/// <param name="Training">Batch sizes, precision, recomputation.</param>
/// <param name="Optimizer">The rate, as in a run.</param>
/// <param name="Device">Where.</param>
/// <param name="Seed">Of the weights.</param>
/// <param name="Warm">Steps before the clock starts.</param>
/// <param name="Steps">Steps that are timed.</param>
public sealed record BenchmarkSettings(
    MistralConfig Model, TrainingOptions Training, OptimizerOptions Optimizer, Device Device, long Seed, int Warm, int Steps);

/// <summary>What was measured.</summary>
/// <param name="StepSeconds">Each timed step.</param>
/// <param name="Loss">The loss of every step, those before the clock included.</param>
/// <param name="TokensPerSecond">Real tokens: each answer's with its prompt, as they stand in the file.</param>
/// <param name="RowsPerSecond">Pairs or blocks.</param>
/// <param name="PeakBytes">The most that was resident.</param>
/// <param name="TensorPeakBytes">The same above what the process held before the model was made.</param>
/// <param name="MatrixProductsPerSecond">Operations a second on the model's own shapes, measured in the same process.</param>
/// <param name="MatrixProductShare">The share of that rate at which the steps did their necessary products.</param>
public sealed record BenchmarkResult(IReadOnlyList<double> StepSeconds, IReadOnlyList<double> Loss, double TokensPerSecond, double RowsPerSecond,
    long PeakBytes, long TensorPeakBytes, double MatrixProductsPerSecond, double MatrixProductShare);

/// <summary>Training steps against the clock: the trainer and the objectives themselves, on given token ids in the order of the file.</summary>
public static class Benchmark
{
    /// <summary>SFT on blocks of tokens, loss on all of them.</summary>
    public static BenchmarkResult Sft(BenchmarkSettings settings, IReadOnlyList<TokenSequence> rows)
    {
        ArgumentNullException.ThrowIfNull(settings);
        return Run(settings, rows, ProcessMemory.Resident, policy => new SftObjective(policy, settings.Training.GradientCheckpointing),
            row => 3 * MatrixProducts.Forward(settings.Model, [row.Ids.Length], row.LabelCount), row => row.Ids.Length);
    }

    /// <summary>DPO against a reference with other weights.</summary>
    public static BenchmarkResult Dpo(BenchmarkSettings settings, DpoOptions options, IReadOnlyList<TokenizedPair> rows)
    {
        ArgumentNullException.ThrowIfNull(settings);
        ArgumentNullException.ThrowIfNull(options);
        var dpo = DpoSettings.Of(options, settings.Training.GradientCheckpointing);
        var before = ProcessMemory.Resident;
        using var reference = Fresh(settings, trainable: false);
        return Run(settings, rows, before, policy => new DpoObjective(policy, new FrozenReference(reference, dpo), dpo),
            row => 4 * MatrixProducts.Forward(settings.Model, [row.PromptIds.Length + row.ChosenIds.Length, row.PromptIds.Length + row.RejectedIds.Length],
                row.ChosenIds.Length + row.RejectedIds.Length),
            row => 2 * row.PromptIds.Length + row.ChosenIds.Length + row.RejectedIds.Length);
    }

    private static BenchmarkResult Run<T>(BenchmarkSettings settings, IReadOnlyList<T> rows, long before, Func<MistralForCausalLM, IObjective<T>> objectiveOf,
        Func<T, double> productsOf, Func<T, int> tokensOf)
    {
        ProcessMemory.ForgetPeak();
        using var policy = Fresh(settings, trainable: true);
        var options = new TrainerOptions(settings.Training with { MaxSteps = settings.Warm + settings.Steps }, settings.Optimizer, new(), settings.Seed);
        using var trainer = new Trainer<T>(policy, objectiveOf(policy), new(rows, [], Shuffle: false), options, new(new(""), (_, _) => { }), SilentObserver.Instance);
        List<double> seconds = [], losses = [];
        for (var step = 0; step < settings.Warm + settings.Steps; step++)
        {
            var watch = Stopwatch.StartNew();
            losses.Add(trainer.TakeStep().Means["loss"]);
            if (step >= settings.Warm) seconds.Add(watch.Elapsed.TotalSeconds);
        }
        var peak = ProcessMemory.Peak;
        var timed = Timed(settings, rows).ToList();
        var total = seconds.Sum();
        var rate = MatrixProductRate.Measure(settings.Model, Math.Max(1, timed.Sum(tokensOf) / settings.Steps / settings.Training.GradientAccumulationSteps),
            Dtype(settings), settings.Device);
        return new(seconds, losses, timed.Sum(row => (double)tokensOf(row)) / total, timed.Count / total, peak, Math.Max(0, peak - before),
            rate, timed.Sum(productsOf) / total / rate);
    }

    /// <summary>The rows of the timed steps, by the trainer's own plan.</summary>
    private static IEnumerable<T> Timed<T>(BenchmarkSettings settings, IReadOnlyList<T> rows)
    {
        var plan = new BatchPlan(rows.Count, settings.Training.PerDeviceTrainBatchSize, settings.Training.GradientAccumulationSteps, null);
        return Enumerable.Range(settings.Warm + 1, settings.Steps).SelectMany(step => plan.MicroBatches(step)).SelectMany(indices => indices).Select(index => rows[index]);
    }

    private static ScalarType Dtype(BenchmarkSettings settings) => settings.Training.Bf16 ? ScalarType.BFloat16 : ScalarType.Float32;

    private static MistralForCausalLM Fresh(BenchmarkSettings settings, bool trainable) =>
        FreshModel.Create(settings.Model, settings.Seed, settings.Device, Dtype(settings), trainable);
}
