using Zephyr.Configuration;
using Zephyr.Data.Text;
using Zephyr.Model.Weights;
using Zephyr.Objectives;
using Zephyr.Pipeline;
using Zephyr.Runtime;
using Zephyr.Tests.Cli;
using Zephyr.Tests.Training;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Pipeline;

/// <summary>A run that cannot go on although its input was fine: exit code 1, and what it had reached is still there.</summary>
public sealed class StageFailureTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void A_rate_that_blows_up_stops_the_run_and_keeps_the_checkpoint(string stage)
    {
        var run = CliRun.Of([stage, .. Args(stage, ("learning_rate", "1e15"), ("warmup_ratio", "0"), ("save_steps", "1"), ("eval_strategy", "no"))]);
        Assert.Equal(1, run.Code);
        var line = run.Error.TrimEnd('\n').Split('\n')[^1];
        Assert.Matches($"^zephyr: step [2-9]: the loss is .* and the gradient norm .*; (each of its rows|none of its rows|rows? that gives?) .*; the step was not taken, and the newest whole checkpoint is {_world.PathOf("out")}/checkpoint-[1-8]$", line);
        Assert.Contains("run.json", _world.Names("out"));
        Assert.DoesNotContain("model.safetensors", _world.Names("out"));
        Assert.Contains("failed", File.ReadAllText(_world.PathOf("out/zephyr.log")), StringComparison.Ordinal);
    }

    [Fact]
    public void Poisoned_weights_fail_before_the_first_step()
    {
        var weights = Path.Combine(_world.Base, "model.safetensors");
        using (var file = File.Open(weights, FileMode.Open))
        {
            file.Position = file.Length - 4;
            file.Write(BitConverter.GetBytes(float.NaN));
        }
        var run = CliRun.Of(["sft", .. Args("sft")]);
        Assert.Equal(1, run.Code);
        Assert.Matches("^zephyr: preflight: the loss of the largest micro-batch ahead, 2 rows of [0-9]+ tokens in all \\(.*dialogues.jsonl, line [0-9]+; .*dialogues.jsonl, line [0-9]+\\), is NaN "
            + "and its gradient norm NaN, expected finite numbers: weights or rows are broken, or the numbers of the run too large; nothing was trained\n$", run.Error);
        Assert.Equal(["zephyr.log"], _world.Names("out"));
        var without = CliRun.Of(["sft", .. Args("sft", ("preflight", "false"))]);
        Assert.Equal(1, without.Code);
        Assert.Matches("(?m)^zephyr: step 1: the loss is NaN and the gradient norm NaN; each of its rows gives that alone, so it is rather the weights than a row: "
            + "(.*dialogues.jsonl, line [0-9]+(; |)){4}; the step was not taken, and no checkpoint had been written yet$", without.Error);
    }

    /// <summary>As a full disk would: the second checkpoint cannot be written.</summary>
    [Fact]
    public void A_checkpoint_that_cannot_be_written_fails_the_run_in_one_sentence()
    {
        _world.Write("out/checkpoint-8.tmp", "a file where the folder should be");
        var run = CliRun.Of(["sft", .. Args("sft")]);
        Assert.Equal(1, run.Code);
        var line = run.Error.TrimEnd('\n').Split('\n')[^1];
        Assert.StartsWith($"zephyr: output_dir {_world.PathOf("out")}: could not be written after step 8: ", line, StringComparison.Ordinal);
        Assert.EndsWith($"; the newest whole checkpoint is {_world.PathOf("out/checkpoint-4")}", line, StringComparison.Ordinal);

        // With the obstacle gone the same command goes on.
        File.Delete(_world.PathOf("out/checkpoint-8.tmp"));
        Assert.Equal(0, CliRun.Of(["sft", .. Args("sft")]).Code);
        _world.Run("sft", "straight");
        var (expected, actual) = (_world.Bytes("straight"), _world.Bytes("out"));
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, bytes) in expected) Assert.True(bytes.AsSpan().SequenceEqual(actual[name]), $"{name} differs");
    }

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void A_stop_before_training_leaves_nothing(string stage)
    {
        using var stop = new StopAfter(0);
        stop.OnStart(new("", 0, 0, 0, 0, "", ""));
        Assert.Throws<OperationCanceledException>(() => _world.Run(stage, "out", stop));
        Assert.Empty(_world.Names("out"));
    }

    [Theory]
    [InlineData("sigmoid", "false")]
    [InlineData("sigmoid", "true")]
    [InlineData("hinge", "false")]
    [InlineData("ipo", "false")]
    [InlineData("robust", "false")]
    public void A_reference_that_is_the_policy_is_checked_before_step_1(string loss, string bf16)
    {
        var notes = new FirstEvaluation();
        _world.Run("dpo", "out", notes, more: [("loss_type", loss), ("bf16", bf16), ("max_steps", "1")]);
        Assert.Equal(0, notes.Metrics["eval_rewards/margins"], 1e-6);
        Assert.Equal(loss switch { "hinge" => 1, "ipo" => 25, _ => Math.Log(2) }, notes.Metrics["eval_loss"], 1e-5);
    }

    [Fact]
    public void A_reference_of_its_own_starts_elsewhere()
    {
        var other = _world.WriteModel("other", seed: 2);
        var notes = new FirstEvaluation();
        _world.Run("dpo", "out", notes, more: [("ref_model_name_or_path", other), ("max_steps", "1")]);
        Assert.True(Math.Abs(notes.Metrics["eval_rewards/margins"]) > 1e-3);
        using var record = System.Text.Json.JsonDocument.Parse(File.ReadAllBytes(_world.PathOf("out/run.json")));
        Assert.True(record.RootElement.GetProperty("sha256").TryGetProperty(Path.Combine(other, "model.safetensors"), out _));
    }

    /// <summary>The first loss is ln 2 for the sigmoid loss alone; whoever adds to it or weighs it starts from the same place.</summary>
    [Theory]
    [InlineData("rpo_alpha", "1")]
    [InlineData("loss_weights", "2")]
    [InlineData("loss_type", "[sigmoid, sft]")]
    [InlineData("label_smoothing", "0.1")]
    public void What_is_added_to_the_loss_is_not_taken_for_a_defect(string key, string value) =>
        Assert.Equal(1, _world.Run("dpo", "out", more: [(key, value), ("max_steps", "1")]).Steps);

    /// <summary>What the check is for: it must not be possible to pass it with models that differ.</summary>
    [Theory]
    [InlineData("sigmoid")]
    [InlineData("sigmoid", "0.5")]
    [InlineData("hinge")]
    public void Models_that_differ_do_not_pass_for_the_same(string loss, string likelihood = "null")
    {
        var config = ConfigReader.ReadText<DpoConfig>(null, null, [.. _world.KeysOf("dpo", "out", ("loss_type", loss), ("rpo_alpha", likelihood)).Select(entry => new ConfigOverride(entry.Key, entry.Value))]).Value;
        using var policy = ModelFolder.Load(_world.Base, ScalarType.Float32, CPU, trainable: true);
        using var reference = ModelFolder.Load(_world.WriteModel("other", seed: 2), ScalarType.Float32, CPU, trainable: false);
        var tokenize = new PairTokenizer(MistralTokenizer.Load(_world.Base), 64, 32, "keep_end", insertSystem: false);
        var pairs = Zephyr.Data.Sources.PreferenceSchema.Read([_world.Pairs]).Select(tokenize.Tokenize).ToList();
        var settings = DpoSettings.Of(config.Dpo);
        var error = Assert.Throws<RunFailedException>(() => DistilledDpo.RequireAgreement(TinyTraining.Dpo(policy, reference, settings), pairs, config));
        Assert.StartsWith("policy and reference have the same weights, but their first loss is ", error.Message, StringComparison.Ordinal);
        using var same = ModelFolder.Load(_world.Base, ScalarType.Float32, CPU, trainable: false);
        DistilledDpo.RequireAgreement(TinyTraining.Dpo(policy, same, settings), pairs, config);
    }

    private IEnumerable<string> Args(string stage, params (string, string)[] more) =>
        _world.KeysOf(stage, "out", more).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value });

    private sealed class FirstEvaluation : ITrainingObserver
    {
        public IReadOnlyDictionary<string, double> Metrics { get; private set; } = new Dictionary<string, double>();

        public void OnEvaluation(EvaluationReport report)
        {
            if (Metrics.Count == 0) Metrics = report.Metrics;
        }

        public void OnStart(TrainingPlan plan) { }

        public void OnStep(StepReport report) { }

        public void OnCheckpoint(string path, int afterStep) { }

        public void OnNote(string text) { }

        public void OnEnd(TrainingSummary summary) { }
    }
}
