using Zephyr.Model;
using Zephyr.Model.Weights;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training;

/// <summary>A run that was stopped and went on is, byte for byte, the run that was not (decision 9).</summary>
public sealed class ResumeTests : IDisposable
{
    // 11 rows in micro-batches of 2, two a step: 3 steps an epoch, the last of them short.
    private const int Rows = 11, Epochs = 3, Steps = 9;
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("sft", false)]
    [InlineData("sft", true)]
    [InlineData("dpo", false)]
    [InlineData("dpo", true)]
    public void Stopping_after_any_step_changes_nothing(string stage, bool bf16)
    {
        Run(stage, bf16, "straight", saving: Steps);
        foreach (var stop in new[] { 1, 3, 4, 8 })
        {
            Assert.True(Run(stage, bf16, $"stop-{stop}", saving: Steps, stopAfter: stop));
            Assert.Equal([$"checkpoint-{stop}"], CheckpointsIn($"stop-{stop}"));
            Assert.False(Run(stage, bf16, $"stop-{stop}", saving: Steps, resume: stop));
            SameRun("straight", $"stop-{stop}");
        }
    }

    [Theory]
    [InlineData("sft", false)]
    [InlineData("dpo", true)]
    public void Saving_changes_nothing_and_every_checkpoint_leads_to_the_same_end(string stage, bool bf16)
    {
        Run(stage, bf16, "straight", saving: Steps);
        Run(stage, bf16, "saving", saving: 1);
        SameRun("straight", "saving");
        Assert.Equal(Enumerable.Range(1, Steps).Select(step => $"checkpoint-{step}"), CheckpointsIn("saving"));
        foreach (var step in new[] { 2, 5, 9 })
        {
            Copy($"saving/checkpoint-{step}", $"from-{step}/checkpoint-{step}");
            File.Copy(_folder.PathOf("saving/metrics.jsonl"), _folder.PathOf($"from-{step}/metrics.jsonl"));
            Run(stage, bf16, $"from-{step}", saving: 1, resume: step);
            SameRun("straight", $"from-{step}");
        }
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void Other_optimizers_go_on_as_exactly(bool bf16)
    {
        Run("dpo", bf16, "straight", saving: Steps, optim: "rmsprop");
        Run("dpo", bf16, "adamw", saving: Steps);
        Assert.NotEqual(File.ReadAllBytes(_folder.PathOf("adamw/model.safetensors")), File.ReadAllBytes(_folder.PathOf("straight/model.safetensors")));
        Assert.True(Run("dpo", bf16, "stopped", saving: Steps, optim: "rmsprop", stopAfter: 4));
        Assert.False(Run("dpo", bf16, "stopped", saving: Steps, optim: "rmsprop", resume: 4));
        SameRun("straight", "stopped");
        var other = Assert.Throws<UserErrorException>(() => Run("dpo", bf16, "stopped", saving: Steps, resume: Steps));
        Assert.Contains("resume with the optim and bf16 settings the run began with", other.Message);
    }

    /// <summary>Where the state lives may change between two parts of a run, and how exactly it is kept may not.</summary>
    [Theory]
    [InlineData(false, "host", "float32")]
    [InlineData(true, "host", "float32")]
    [InlineData(false, "device", "bfloat16")]
    [InlineData(true, "host", "bfloat16")]
    public void State_on_the_host_or_in_bf16_goes_on_as_exactly(bool bf16, string device, string dtype)
    {
        Run("dpo", bf16, "straight", saving: Steps, stateDevice: "device", stateDtype: dtype);
        foreach (var stop in new[] { 1, 5 })
        {
            Assert.True(Run("dpo", bf16, $"stop-{stop}", saving: Steps, stopAfter: stop, stateDevice: device, stateDtype: dtype));
            Assert.False(Run("dpo", bf16, $"stop-{stop}", saving: Steps, resume: stop, stateDevice: "host", stateDtype: dtype));
            SameRun("straight", $"stop-{stop}");
        }
        Run("dpo", bf16, "exact", saving: Steps);
        Assert.Equal(dtype == "float32", File.ReadAllBytes(_folder.PathOf("exact/model.safetensors")).AsSpan().SequenceEqual(File.ReadAllBytes(_folder.PathOf("straight/model.safetensors"))));
    }

    [Theory]
    [InlineData("sft", false, 25)]
    [InlineData("dpo", false, 50)]
    [InlineData("dpo", true, 50)]
    public void Micro_batches_by_tokens_go_on_as_exactly(string stage, bool bf16, int maxTokens)
    {
        Run(stage, bf16, "straight", saving: Steps, evaluation: "steps", maxTokens: maxTokens);
        Run(stage, bf16, "by-rows", saving: Steps, evaluation: "steps");
        Assert.NotEqual(File.ReadAllBytes(_folder.PathOf("by-rows/model.safetensors")), File.ReadAllBytes(_folder.PathOf("straight/model.safetensors")));
        foreach (var stop in new[] { 2, 6 })
        {
            Assert.True(Run(stage, bf16, $"stop-{stop}", saving: Steps, evaluation: "steps", stopAfter: stop, maxTokens: maxTokens));
            var other = Assert.Throws<UserErrorException>(() => Run(stage, bf16, $"stop-{stop}", saving: Steps, evaluation: "steps", resume: stop));
            Assert.Equal($"{_folder.PathOf($"stop-{stop}/checkpoint-{stop}")}: this checkpoint cannot be continued: max_tokens_per_batch was {maxTokens} and is 0; "
                + "put the values back, or start over with --resume never and overwrite_output_dir", other.Message);
            Assert.False(Run(stage, bf16, $"stop-{stop}", saving: Steps, evaluation: "steps", resume: stop, maxTokens: maxTokens));
            SameRun("straight", $"stop-{stop}");
        }
    }

    [Fact]
    public void A_logging_window_may_cross_a_checkpoint()
    {
        Run("sft", false, "straight", saving: Steps, logging: 4);
        Run("sft", false, "stopped", saving: Steps, logging: 4, stopAfter: 6);
        Run("sft", false, "stopped", saving: Steps, logging: 4, resume: 6);
        SameRun("straight", "stopped");
        // Three logged steps, and the evaluations before the first and after the last.
        Assert.Equal(5, File.ReadLines(_folder.PathOf("straight/metrics.jsonl")).Count());
    }

    [Fact]
    public void An_evaluation_that_was_cut_off_is_made_up_for()
    {
        Run("dpo", false, "straight", saving: Steps, evaluation: "steps");
        Assert.True(Run("dpo", false, "stopped", saving: Steps, evaluation: "steps", stopAfter: 4));
        // Stopped a second time, after the evaluation was made: the older checkpoint still says that it is due, and there is but one in the end.
        Assert.True(Run("dpo", false, "stopped", saving: Steps, evaluation: "steps", resume: 4, stopAfter: 5));
        Assert.False(Run("dpo", false, "stopped", saving: Steps, evaluation: "steps", resume: 4));
        SameRun("straight", "stopped");
    }

    [Fact]
    public void A_run_is_not_done_before_its_last_evaluation()
    {
        Run("dpo", false, "straight", saving: Steps, evaluation: "steps");
        Assert.True(Run("dpo", false, "stopped", saving: 100, evaluation: "steps", stopAfter: Steps));
        Assert.False(File.Exists(_folder.PathOf("stopped/model.safetensors")));
        Assert.False(Run("dpo", false, "stopped", saving: 100, evaluation: "steps", resume: Steps));
        foreach (var file in (string[])["model.safetensors", "metrics.jsonl"])
            Assert.Equal(File.ReadAllBytes(_folder.PathOf($"straight/{file}")), File.ReadAllBytes(_folder.PathOf($"stopped/{file}")));
    }

    [Fact]
    public void A_run_that_has_taken_its_steps_has_only_its_model_left_to_write()
    {
        Run("sft", false, "straight", saving: Steps);
        var metrics = File.ReadAllBytes(_folder.PathOf("straight/metrics.jsonl"));
        var weights = File.ReadAllBytes(_folder.PathOf("straight/model.safetensors"));
        File.Delete(_folder.PathOf("straight/model.safetensors"));
        Assert.False(Run("sft", false, "straight", saving: Steps, resume: Steps));
        Assert.Equal(weights, File.ReadAllBytes(_folder.PathOf("straight/model.safetensors")));
        Assert.Equal(metrics, File.ReadAllBytes(_folder.PathOf("straight/metrics.jsonl")));
    }

    [Fact]
    public void A_stop_before_the_first_step_saves_nothing()
    {
        Assert.True(Run("sft", false, "none", saving: 1, stopAfter: 0));
        Assert.Empty(CheckpointsIn("none"));
    }

    private bool Run(string stage, bool bf16, string name, int saving, int logging = 2, string evaluation = "no", int? resume = null, int? stopAfter = null, string optim = "adamw_torch",
        int maxTokens = 0, string stateDevice = "device", string stateDtype = "float32")
    {
        var root = Directory.CreateDirectory(_folder.PathOf(name)).FullName;
        var checkpoint = resume is { } step ? Path.Combine(root, $"checkpoint-{step}") : null;
        var dtype = bf16 ? ScalarType.BFloat16 : ScalarType.Float32;
        using var model = checkpoint is null ? TinyTraining.Model(dtype) : ModelFolder.Load(checkpoint, dtype, CPU, trainable: true);
        using var reference = TinyTraining.Model(dtype, trainable: false, seed: 2);
        var options = TinyTraining.Options(Epochs, logging: logging, saving: saving, evaluation: evaluation);
        options = options with { Optimizer = options.Optimizer with { Optim = optim, OptimStateDevice = stateDevice, OptimStateDtype = stateDtype }, Training = options.Training with { MaxTokensPerBatch = maxTokens } };
        return stage == "sft"
            ? Run(model, new SftObjective(model, new()), TinyTraining.Sequences(Rows), options, root, checkpoint, stopAfter)
            : Run(model, TinyTraining.Dpo(model, reference), TinyTraining.Pairs(Rows), options, root, checkpoint, stopAfter);
    }

    private static bool Run<T>(MistralForCausalLM model, IObjective<T> objective, List<T> rows, TrainerOptions options, string root, string? checkpoint, int? stopAfter)
    {
        using var stop = new StopAfter(stopAfter ?? -1);
        var observer = new CompositeObserver(new MetricsFiles(root), stop);
        using var trainer = new Trainer<T>(model, objective, new(rows, rows[..3]), options, TinyTraining.Output(root), observer);
        if (checkpoint is not null) trainer.Resume(checkpoint);
        Assert.Equal(Steps, trainer.TotalSteps);
        observer.OnStart(new("test", trainer.TotalSteps, trainer.Step, trainer.Epochs, 0, "cpu", "", trainer.EvaluationDue));
        return trainer.Run(stop.Token);
    }

    private void SameRun(string expected, string actual)
    {
        foreach (var file in (string[])["model.safetensors", "metrics.jsonl", .. FilesOf($"{expected}/checkpoint-{Steps}")])
            Assert.True(File.ReadAllBytes(_folder.PathOf($"{expected}/{file}")).AsSpan().SequenceEqual(File.ReadAllBytes(_folder.PathOf($"{actual}/{file}"))),
                $"{file} of {actual} differs from that of {expected}");
    }

    private IEnumerable<string> FilesOf(string checkpoint)
    {
        var names = Directory.GetFiles(_folder.PathOf(checkpoint)).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(["config.json", "generation_config.json", "manifest.json", "model.safetensors", "optimizer.safetensors", "trainer_state.json"], names);
        return names.Select(name => $"{Path.GetFileName(checkpoint)}/{name}");
    }

    private IEnumerable<string> CheckpointsIn(string name) =>
        Directory.GetDirectories(_folder.PathOf(name)).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal);

    private void Copy(string from, string to)
    {
        Directory.CreateDirectory(_folder.PathOf(to));
        foreach (var file in Directory.GetFiles(_folder.PathOf(from))) File.Copy(file, Path.Combine(_folder.PathOf(to), Path.GetFileName(file)));
    }
}
