using System.Diagnostics;
using System.Runtime.InteropServices;
using System.Text.Json;
using Zephyr.Data.Batches;
using Zephyr.Evaluation.Memory;
using Zephyr.Evaluation.Speed;
using Zephyr.Model;
using Zephyr.Runtime;
using Zephyr.Tests.Cli;
using Zephyr.Tests.Training;
using Zephyr.Training;
using Zephyr.Training.Watchdogs;

namespace Zephyr.Tests.Pipeline;

/// <summary>Memory that runs out ends a run in one sentence, with what takes less and what it comes to, and the checkpoint before is whole.</summary>
public sealed class OutOfMemoryTests : IDisposable
{
    private const string Reason = "CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has a total capacity of 79.11 GiB";

    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo", "max_tokens_per_batch", "150")]
    public void In_the_middle_of_a_run(string stage, params string[] keys)
    {
        (string, string)[] more = [.. keys.Chunk(2).Select(pair => (pair[0], pair[1]))];
        var error = Assert.Throws<RunFailedException>(() => _world.Run(stage, "out", new NoMemoryAfter(6), more: more));
        Assert.Equal($"out of memory on cpu in step 7: {Reason}; the newest whole checkpoint is {_world.PathOf("out")}/checkpoint-4; {Less(stage, more)}", error.Message);
        Assert.Empty(CheckpointManifest.Problems(_world.PathOf("out/checkpoint-4"), TestContext.Current.CancellationToken));
        // The same command goes on from it to the bytes of a run that had memory.
        _world.Run(stage, "out", more: more);
        _world.Run(stage, "straight", more: more);
        var (expected, found) = (_world.Bytes("straight"), _world.Bytes("out"));
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), found.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, bytes) in expected) Assert.True(bytes.AsSpan().SequenceEqual(found[name]), $"{name} differs");
    }

    [Fact]
    public void Before_the_first_checkpoint()
    {
        var error = Assert.Throws<RunFailedException>(() => _world.Run("sft", "out", new NoMemoryAfter(2)));
        Assert.Equal($"out of memory on cpu in step 3: {Reason}; no checkpoint had been written yet; {Less("sft")}", error.Message);
    }

    [Fact]
    public void In_the_trial_pass()
    {
        using var model = TinyTraining.Model();
        var trial = new TrialPass(_ => throw new NoMemory(), model.Parameters, new(row => $"rows.jsonl, line {row + 1}"), () => "by count it needs 80.1 GiB; what takes less: bf16: true comes to 50.2 GiB");
        var error = Assert.Throws<UserErrorException>(() => trial.Run([2, 0], skips: false));
        Assert.Equal($"preflight: the largest micro-batch ahead, 2 rows (rows.jsonl, line 3; rows.jsonl, line 1), does not fit into memory: {Reason}; "
            + "by count it needs 80.1 GiB; what takes less: bf16: true comes to 50.2 GiB", error.Message);
    }

    [Fact]
    public void In_a_benchmark()
    {
        var settings = new BenchmarkSettings(new(TinyTraining.Shape, null, 1, TorchSharp.torch.ScalarType.Float32, TorchSharp.torch.CPU), new() { PerDeviceTrainBatchSize = 2 }, new() { LearningRate = 1e-3 }, 1, 1);
        var rows = new BenchmarkRows<TokenSequence>(settings, TinyTraining.Sequences(9), new(TinyTraining.Shape), row => row.Ids.Length, (batch, _) => MicroBatchShape.Of(batch));
        var error = Assert.Throws<RunFailedException>(() => rows.Guard(() => throw new NoMemory()));
        Assert.Matches($"^out of memory on cpu: {Reason}; by count it needs [0-9.]+ MiB; what takes less: gradient_checkpointing: true comes to [0-9.]+ MiB; or max_tokens_per_batch: [0-9]+ comes to [0-9.]+ MiB; or .*$", error.Message);
    }

    /// <summary>In a process of its own whose data the system limits: the model fits, its largest micro-batch does not.</summary>
    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public async Task In_preflight_of_a_run_that_goes_on(string stage)
    {
        var shape = new MistralConfig { VocabSize = 1000, HiddenSize = 256, IntermediateSize = 1024, NumHiddenLayers = 4, NumAttentionHeads = 4, NumKeyValueHeads = 2, HeadDim = 64, MaxPositionEmbeddings = 128 };
        var words = string.Concat(Enumerable.Repeat("old and well, ", 20));
        var rows = _world.Write("rows.jsonl", string.Concat(Enumerable.Range(0, 80).Select(i => (stage == "sft"
            ? JsonSerializer.Serialize(new { prompt = $"How old is {i}?", completion = words }) : JsonSerializer.Serialize(new { prompt = $"How old is {i}?", chosen = words, rejected = "No. " + words })) + "\n")));
        (string, string)[] more = [("model_name_or_path", _world.FreshFolder("wide", shape)), ("dataset", rows), ("max_length", "120"), ("eval_fraction", "0"), ("eval_strategy", "no"), ("save_steps", "1"),
            ("max_steps", "2"), ("gradient_accumulation_steps", "1"), ("per_device_train_batch_size", stage == "sft" ? "80" : "40"), ("memory_check", "false")];
        using (var stop = new StopAfter(1)) _world.Run(stage, "out", stop, more: [.. more, ("preflight", "false")]);
        var run = await Limited([stage, .. _world.KeysOf(stage, "out", more).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value }), "--quiet"]);
        Assert.True(run.Code == 2, run.Error);
        Assert.Matches($"^zephyr: preflight: the largest micro-batch ahead, [48]0 rows \\(.* and [0-9]+ more\\), does not fit into memory: .*can't allocate memory.*; by count it needs [0-9.]+ [MG]iB; what takes less: "
            + ".*gradient_checkpointing: true comes to [0-9.]+ [MG]iB; or max_tokens_per_batch: [0-9]+ comes to [0-9.]+ [MG]iB; or .*\n$", run.Error);
        Assert.Empty(CheckpointManifest.Problems(_world.PathOf("out/checkpoint-1"), TestContext.Current.CancellationToken));
    }

    private static async Task<(int Code, string Error)> Limited(string[] arguments)
    {
        var start = new ProcessStartInfo("bash", ["-c", "ulimit -d 450000 && exec \"$@\"", "-", Path.Combine(AppContext.BaseDirectory, "zephyr"), .. arguments]) { RedirectStandardError = true, RedirectStandardOutput = true };
        start.Environment["DOTNET_GCHeapHardLimit"] = "0x8000000";
        start.Environment["OMP_NUM_THREADS"] = "1";
        using var process = Process.Start(start)!;
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        return (process.ExitCode, error);
    }

    /// <summary>What zephyr plan lists for the same keys.</summary>
    private string Less(string stage, params (string, string)[] more)
    {
        var run = CliRun.Of(["plan", stage, .. _world.KeysOf(stage, "out", more).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value }), "--json"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        var plan = JsonDocument.Parse(run.Output).RootElement;
        var remedies = plan.GetProperty("remedies").EnumerateArray().Select(remedy => $"{remedy.GetProperty("keys").GetString()} comes to {ByteCount.Describe(remedy.GetProperty("total").GetInt64())}").ToList();
        Assert.True(remedies.Count > 2);
        return $"by count it needs {ByteCount.Describe(plan.GetProperty("total_bytes").GetInt64())}; what takes less: {string.Join("; or ", remedies)}";
    }

    /// <summary>As libtorch's, with pages behind its first line.</summary>
    private sealed class NoMemory() : ExternalException(Reason + ".\nException raised from malloc at CUDACachingAllocator.cpp:1");

    private sealed class NoMemoryAfter(int step) : ITrainingObserver
    {
        public void OnStep(StepReport report)
        {
            if (report.Step == step) throw new NoMemory();
        }

        public void OnStart(TrainingPlan plan) { }

        public void OnEvaluation(EvaluationReport report) { }

        public void OnCheckpoint(string path, int afterStep) { }

        public void OnNote(string text) { }

        public void OnEnd(TrainingSummary summary) { }
    }
}
