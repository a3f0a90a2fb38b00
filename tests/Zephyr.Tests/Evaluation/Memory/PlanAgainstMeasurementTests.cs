using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text.Json;
using Zephyr.Configuration;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Evaluation.Speed;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using Zephyr.Model.Quantization;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Tests.Evaluation.Memory;

/// <summary>The plan against the growth of a process that does nothing else: every mode, as any two options go together in one of those that are run.</summary>
public sealed class PlanAgainstMeasurementTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Any_two_options_go_together_in_a_mode_that_is_run()
    {
        Assert.Equal(3 * 2 * 3 * 4 + 3 * 8 * 2 * 3 * 4, Modes.All.Count);
        var (all, run) = (Modes.All.SelectMany(mode => Modes.Choices(mode, 2)).ToHashSet(), Modes.Covering(2));
        Assert.True(all.SetEquals(run.SelectMany(mode => Modes.Choices(mode, 2))));
        Assert.True(run.Count < 25, $"{run.Count}");
    }

    [Fact]
    public async Task A_process_grows_as_planned_in_every_mode()
    {
        var random = new Random(1);
        int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(_ => random.Next(3, 1000))];
        // The largest come first, as the logits' buffer is made for the first that come.
        var pairs = _folder.Write("pairs.jsonl", string.Concat(Enumerable.Range(0, 4).Select(i =>
            JsonSerializer.Serialize(new { prompt_ids = Ids(311 - 37 * i), chosen_ids = Ids(300 - 31 * i), rejected_ids = Ids(269 - 23 * i) }) + "\n")));
        ConcurrentQueue<string> off = [];
        await Parallel.ForEachAsync(Modes.Covering(2), new ParallelOptions { MaxDegreeOfParallelism = 2, CancellationToken = TestContext.Current.CancellationToken }, async (mode, cancellation) =>
        {
            var found = await Bench([.. mode.Arguments, "--size", "tiny", "--pairs", pairs, "--per_device_train_batch_size", "2", "--steps", "1", "--warm", "1", "--json"], cancellation);
            var (growth, planned) = (Of("tensor_peak_mib"), Of("planned_mib"));
            var (counted, plannedTensors) = (Of("counted_mib"), Of("planned_counted_mib"));
            if (Math.Abs(growth - planned) > 50e6 / (1 << 20) || Math.Abs(counted - plannedTensors) > 2 + 0.03 * counted)
                off.Enqueue($"{mode}: grew by {growth} MiB, {planned} were planned; {counted} counted, {plannedTensors} planned");

            double Of(string name) => found.GetProperty(name).GetDouble();
        });
        Assert.True(off.IsEmpty, string.Join("\n", off));
    }

    private static async Task<JsonElement> Bench(string[] arguments, CancellationToken cancellation)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "zephyr"), ["bench", .. arguments]) { RedirectStandardOutput = true, RedirectStandardError = true };
        start.Environment["OMP_NUM_THREADS"] = "1";
        using var process = Process.Start(start)!;
        var output = await process.StandardOutput.ReadToEndAsync(cancellation);
        var error = await process.StandardError.ReadToEndAsync(cancellation);
        await process.WaitForExitAsync(cancellation);
        Assert.True(process.ExitCode == 0, error);
        return JsonDocument.Parse(output).RootElement;
    }
}

/// <summary>The plan against the tensors that there are, which tells a few percent, in the same modes.</summary>
[Collection(nameof(CountedMemory))]
public sealed class PlanAgainstCountTests
{
    // Sides from 256 on, as blocks under 64 KiB are not counted.
    private static readonly MistralConfig Shape = new()
    {
        VocabSize = 512,
        HiddenSize = 256,
        IntermediateSize = 704,
        NumHiddenLayers = 2,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadDim = 64,
    };

    // Small tensors all the same: a few hundred of adapters, scales, norms.
    private const long Uncounted = 1 << 20;

    [Fact]
    public void Tensors_are_as_many_as_planned_in_every_mode()
    {
        GC.Collect();
        GC.WaitForPendingFinalizers();
        var off = Modes.Covering(2).Select(Off).OfType<string>().ToList();
        Assert.True(off.Count == 0, string.Join("\n", off));
    }

    /// <summary>What is wrong with a mode; null where nothing is.</summary>
    private static string? Off(Mode mode)
    {
        var model = new BenchmarkModel(Shape, null, 1, mode.Bf16 ? ScalarType.BFloat16 : ScalarType.Float32, CPU)
        {
            Lora = mode.Adapter == "full" ? null : LoraConfig.Of(new() { UsePeft = true, LoraR = 128, LoraTargetModules = [ProjectionNames.AllLinear] }, "base"),
            AppliesDropout = mode.Stage == "sft",
            Quantization = mode.Adapter == "QLoRA" ? new Nf4Settings(Nested: true) : null,
        };
        var training = new TrainingOptions { PerDeviceTrainBatchSize = 2, Bf16 = mode.Bf16, GradientCheckpointing = mode.RecomputeEvery > 0, GradientCheckpointingEvery = Math.Max(1, mode.RecomputeEvery) };
        var optimizer = new OptimizerOptions
        {
            LearningRate = 1e-3,
            Optim = mode.State == "rmsprop" ? "rmsprop" : "adamw_torch",
            OptimStateDevice = mode.State == "host" ? "host" : "device",
            OptimStateDtype = mode.State == "bf16 moments" ? "bfloat16" : "float32",
        };
        var settings = new BenchmarkSettings(model, training, optimizer, Warm: 1, Steps: 1);
        var result = mode.Stage == "sft"
            ? Benchmark.Sft(settings, [.. Enumerable.Range(0, 2).Select(_ => new TokenSequence(Ids(300)))], TestContext.Current.CancellationToken)
            : Benchmark.Dpo(settings, new() { Reference = mode.Reference, PairLayout = mode.Layout }, [Pair(80, 90, 60), Pair(100, 60, 80)], TestContext.Current.CancellationToken);
        var (planned, counted) = (result.Plan.Tensors, result.CountedPeakBytes!.Value);
        return Math.Abs(planned - counted) <= 0.04 * counted + Uncounted ? null : $"{mode}: {counted} bytes counted, {planned} planned: {(double)planned / counted:0.000}";

        static int[] Ids(int count) => [.. Enumerable.Range(0, count).Select(i => 3 + i * 7 % 500)];

        static TokenizedPair Pair(int prompt, int chosen, int rejected) => new(new("pairs", 1, false), Ids(prompt), Ids(chosen), Ids(rejected));
    }
}
