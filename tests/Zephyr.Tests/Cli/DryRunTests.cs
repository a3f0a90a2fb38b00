using System.Text.RegularExpressions;
using Zephyr.Configuration;
using Zephyr.Pipeline;
using Zephyr.Tests.Pipeline;
using Zephyr.Tests.Training;
using Zephyr.Training;

namespace Zephyr.Tests.Cli;

/// <summary>--dry-run: everything up to the first step, and nothing on disk.</summary>
public sealed class DryRunTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void What_sft_would_do_stands_below_the_configuration_as_comments()
    {
        var run = CliRun.Of(Args("sft"));
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(
            $"""
            #
            # sft --dry-run: everything up to the first step was done, and nothing was written.
            #
            # training files   {_world.Dialogues}
            # model            {_world.Base}: 36,688 parameters, float32 on cpu
            # steps            9: 3 an epoch of up to 4 sequences each, 3 epochs
            # micro-batches    1 to 2 a step, 1.7 on average
            # learning rate    0 at step 1, 2.0e-03 at step 2 (after 1 warmup step), 7.6e-05 at step 9
            # evaluations      4
            # checkpoints      2, after step 4, 8: 429.9 KiB each, all kept
            # output           {_world.PathOf("out")}: a model of 143.3 KiB, at most 1003.2 KiB in all
            #
            # rows             sequences  tokens  labels  longest
            # training                10     N     N       N
            # held out                 1      N      N       N
            #
            # memory               bytes
            # weights          143.3 KiB
            # gradients        143.3 KiB
            # moments          286.6 KiB
            # activations  N
            # logits  N
            # runtime          228.0 MiB
            # in all  N
            # fits cpu, which has N for it
            # a micro-batch has at most N tokens; the steps ahead take N
            #

            """.ReplaceLineEndings("\n"), PlanOf(run));
        Assert.Contains("\n# training data: 10 conversations, 10 sequences ", run.Output);
        Assert.Equal(2e-3, ConfigReader.ReadText<SftConfig>(run.Output, "printed", []).Value.Optimizer.LearningRate);
        Assert.Empty(_world.Names("out"));
    }

    [Theory]
    [InlineData("sft", "float32", "false")]
    [InlineData("dpo", "float32", "true")]
    [InlineData("dpo", "bfloat16", "true")]
    public void The_plan_is_what_the_run_then_does(string stage, string dtype, string bf16)
    {
        (string, string)[] keys = [("torch_dtype", dtype), ("bf16", bf16), ("save_total_limit", "1"), ("logging_steps", "1")];
        var plan = Plan(stage, keys);
        var watched = new Watched();
        _world.Run(stage, "out", watched, more: keys);
        Assert.Equal((watched.Plan!.TotalSteps, watched.Plan.TrainableParameters, watched.Plan.Epochs, watched.Plan.Precision, watched.Plan.Device),
            (plan.Steps.Total, plan.Model.Parameters, plan.Steps.Epochs, plan.Model.Precision, plan.Model.Device));
        Assert.Equal(watched.Rates.Count, plan.Steps.Total);
        Assert.Equal((watched.Rates[0], watched.Rates.Max(), watched.Rates.IndexOf(watched.Rates.Max()) + 1, watched.Rates[^1]),
            (plan.Steps.FirstRate, plan.Steps.PeakRate, plan.Steps.PeakStep, plan.Steps.LastRate));
        Assert.Equal(watched.Tokens, plan.Rows.Train.Tokens * 3);
        Assert.Equal(watched.Evaluations, plan.Steps.Evaluations);
        // A rehearsal keeps no rows, loads no weights, and has the rates in a line of their own; all else is said as it will be.
        string[] own = ["prepared rows: kept in ", "preflight: the largest micro-batch ahead, ", "learning rate: "];
        Assert.Equal(plan.Notes, watched.Notes.Where(note => !own.Any(start => note.StartsWith(start, StringComparison.Ordinal))));
        Assert.Equal(own.Length, watched.Notes.Count(note => own.Any(start => note.StartsWith(start, StringComparison.Ordinal))));
        Assert.Equal(watched.Checkpoints, plan.Disk.Checkpoints);
        Assert.Equal(1, plan.Disk.Kept);
        // The sizes are of the tensors; the headers come on top.
        Assert.InRange(Bytes("out", "model.safetensors"), plan.Disk.ModelBytes, plan.Disk.ModelBytes + 8192);
        Assert.InRange(Bytes("out/checkpoint-8", "model.safetensors") + Bytes("out/checkpoint-8", "optimizer.safetensors"), plan.Disk.CheckpointBytes, plan.Disk.CheckpointBytes + 24576);
    }

    /// <summary>Whoever means to interrupt a run gives it a number of steps that is never reached.</summary>
    [Fact]
    public void Billions_of_steps_are_counted_and_not_listed()
    {
        var steps = Plan("sft", [("max_steps", "2000000000"), ("save_steps", "1"), ("eval_steps", "3"), ("gradient_accumulation_steps", "2000000000")]);
        Assert.Equal((2_000_000_000, 4_000_000_000, 200_000_001), (steps.Steps.Total, steps.Steps.RowsPerStep, steps.Steps.PeakStep));
        Assert.Equal((2_000_000_000, 2_000_000_000), (steps.Disk.Checkpoints.Count, steps.Disk.Checkpoints[^1]));
        // Before the first step, every third, and after the last.
        Assert.Equal(666_666_668, steps.Steps.Evaluations);
    }

    [Fact]
    public void A_series_of_steps_counts_those_after_the_start()
    {
        foreach (var (every, start, end) in new[] { (3, 0, 9), (3, 0, 10), (3, 3, 9), (3, 4, 9), (5, 2, 4), (1, 7, 7), (2, 9, 4) })
        {
            var series = new StepSeries(every, start, end);
            int[] expected = [.. Enumerable.Range(1, end).Where(step => step > start && step % every == 0)];
            Assert.Equal(expected, series);
            Assert.Equal(expected.Length, series.Count);
            Assert.Throws<ArgumentOutOfRangeException>(() => series[series.Count]);
        }
    }

    [Fact]
    public void It_says_where_a_run_goes_on_and_refuses_what_a_resumed_run_would_refuse()
    {
        using var stop = new StopAfter(5);
        _world.Run("dpo", "out", stop);
        var before = _world.Bytes("out").Keys.Order().ToList();
        var run = CliRun.Of(Args("dpo"));
        Assert.True(run.Code == 0, run.Error);
        Assert.Contains($"# steps            9, of which 5 were taken before {_world.PathOf("out/checkpoint-5")}: 3 an epoch", run.Output);
        Assert.Contains("# checkpoints      1, after step 8: ", run.Output);

        var changed = CliRun.Of(Args("dpo", ("learning_rate", "1e-3")));
        var real = CliRun.Of([.. Args("dpo", ("learning_rate", "1e-3")).Where(word => word != "--dry-run")]);
        Assert.Contains("this checkpoint cannot be continued: learning_rate was 0.002 and is 0.001; ", changed.Error);
        Assert.Equal((2, real.Error), (changed.Code, changed.Error));
        Assert.Equal(before, _world.Bytes("out").Keys.Order());
    }

    [Fact]
    public void Aif_counts_its_pairs()
    {
        var run = CliRun.Of("aif", "--feedback", _world.Feedback, "--output_dir", _world.PathOf("aif"), "--test_fraction", "0.2", "--dry-run");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(
            $"""
            #
            # aif --dry-run: every row was read and judged, and nothing was written.
            #
            # files            {_world.Feedback}
            # output           {_world.PathOf("aif")}
            #
            #                      count
            # prompts read            14
            # answers read            42
            # pairs                   14
            # prompts for testing      3

            """.ReplaceLineEndings("\n"), run.Output[run.Output.IndexOf("#\n", StringComparison.Ordinal)..]);
        Assert.Empty(_world.Names("aif"));
        var real = CliRun.Of("aif", "--feedback", _world.Feedback, "--output_dir", _world.PathOf("aif"), "--test_fraction", "0.2");
        Assert.Equal(3, File.ReadLines(_world.PathOf("aif/test_prefs.jsonl")).Count());
        var second = CliRun.Of("aif", "--feedback", _world.Feedback, "--output_dir", _world.PathOf("aif"), "--dry-run");
        Assert.Equal((0, 2), (real.Code, second.Code));
        Assert.Contains("holds a run's output already", second.Error);
    }

    [Fact]
    public void Weights_that_do_not_fit_are_found_by_their_headers()
    {
        var config = Path.Combine(_world.Base, "config.json");
        File.WriteAllText(config, File.ReadAllText(config).Replace("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 1", StringComparison.Ordinal));
        var run = CliRun.Of(Args("sft"));
        Assert.Equal(2, run.Code);
        Assert.StartsWith($"zephyr: {_world.Base}: the weights do not fit config.json: 9 unexpected (model.layers.1.input_layernorm.weight, ", run.Error, StringComparison.Ordinal);
    }

    private static string PlanOf(CliRun run)
    {
        // How many tokens a text has, and what is noted of that, is tested elsewhere.
        var plan = run.Output[run.Output.IndexOf("#\n", StringComparison.Ordinal)..run.Output.IndexOf("# training data: ", StringComparison.Ordinal)];
        plan = Regex.Replace(plan, @"(?m)(?<=^# (activations|logits|in all)).*|(?<=^# fits cpu, which has ).*(?= for it)|(?<=; the steps ahead take ).*|(?<=a micro-batch has at most )\d+", match =>
            match.Value.StartsWith(' ') ? new string(' ', Math.Max(1, match.Value.TakeWhile(c => c == ' ').Count())) + "N" : "N");
        return Regex.Replace(Regex.Replace(plan, @"(?m)(?<=^# (activations|logits|in all)) +N", "  N"), @"(?m)(?<=^# (training|held out) +\d+( +[\dN]+){0,2} +)\d+", "N");
    }

    private string[] Args(string stage, params (string, string)[] more) =>
        [stage, "--dry-run", .. _world.KeysOf(stage, "out", more).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value })];

    private RunPlan Plan(string stage, (string, string)[] more)
    {
        var options = _world.KeysOf(stage, "out", more).Select(entry => new ConfigOverride(entry.Key, entry.Value)).ToList();
        var settings = new StageSettings("auto", SilentObserver.Instance);
        return stage == "sft"
            ? DistilledSft.Plan(ConfigReader.ReadText<SftConfig>(null, null, options), settings, TestContext.Current.CancellationToken)
            : DistilledDpo.Plan(ConfigReader.ReadText<DpoConfig>(null, null, options), settings, TestContext.Current.CancellationToken);
    }

    private long Bytes(string folder, string file) => new FileInfo(Path.Combine(_world.PathOf(folder), file)).Length;

    private sealed class Watched : ITrainingObserver
    {
        public TrainingPlan? Plan { get; private set; }

        public List<double> Rates { get; } = [];

        public List<int> Checkpoints { get; } = [];

        public List<string> Notes { get; } = [];

        public long Tokens { get; private set; }

        public int Evaluations { get; private set; }

        public void OnStart(TrainingPlan plan) => Plan = plan;

        public void OnStep(StepReport report)
        {
            Tokens += report.Tokens;
            if (report.Metrics.TryGetValue("learning_rate", out var rate)) Rates.Add(rate);
        }

        public void OnEvaluation(EvaluationReport report) => Evaluations++;

        public void OnCheckpoint(string path, int afterStep) => Checkpoints.Add(afterStep);

        public void OnNote(string text) => Notes.Add(text);

        public void OnEnd(TrainingSummary summary) { }
    }
}
