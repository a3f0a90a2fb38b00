using Zephyr.Runtime;
using Zephyr.Tests.Cli;
using Zephyr.Tests.Training;
using Zephyr.Training;

namespace Zephyr.Tests.Pipeline;

/// <summary>A checkpoint that is torn or altered is never gone on from, and never costs one that is whole.</summary>
public sealed class WholeCheckpointTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("sft", "model.safetensors", "the content of model.safetensors is not what was written (SHA-256 *)")]
    [InlineData("dpo", "optimizer.safetensors", "the content of optimizer.safetensors is not what was written (SHA-256 *)")]
    [InlineData("dpo", "tokenizer.model", "the content of tokenizer.model is not what was written (SHA-256 *)")]
    [InlineData("sft", "manifest.json", "manifest.json is torn or altered")]
    public void The_newest_whole_one_is_gone_on_from(string stage, string file, string problem)
    {
        _world.Run(stage, "straight", more: [("save_steps", "2")]);
        Stop(stage, "out", 6, ("save_steps", "2"));
        Alter(_world.PathOf($"out/checkpoint-6/{file}"));
        var notes = new Notes();
        Assert.Equal(9, _world.Run(stage, "out", notes, more: [("save_steps", "2")]).Steps);
        Assert.Matches("^" + System.Text.RegularExpressions.Regex.Escape($"{_world.PathOf("out/checkpoint-6")} is not whole: {problem}; "
            + $"the run goes on from {_world.PathOf("out/checkpoint-4")}, the newest whole checkpoint").Replace(@"\*", ".*") + "$", Assert.Single(notes.Lines, line => line.Contains("not whole", StringComparison.Ordinal)));
        var (expected, actual) = (_world.Bytes("straight"), _world.Bytes("out"));
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, bytes) in expected) Assert.True(bytes.AsSpan().SequenceEqual(actual[name]), $"{name} differs");
    }

    [Fact]
    public void One_that_is_named_is_refused()
    {
        Stop("sft", "out", 6, ("save_steps", "2"));
        var named = _world.PathOf("out/checkpoint-6");
        File.Delete(Path.Combine(named, "optimizer.safetensors"));
        Assert.Equal($"--resume {named}: the checkpoint is not whole: optimizer.safetensors is missing; expected a whole one, or auto for the newest of those",
            Assert.Throws<UserErrorException>(() => _world.Run("sft", "out", resume: named, more: [("save_steps", "2")])).Message);
        // The one before it may be named: nothing whole is newer.
        Assert.Equal(9, _world.Run("sft", "out", resume: _world.PathOf("out/checkpoint-4"), more: [("save_steps", "2")]).Steps);
    }

    [Fact]
    public void Where_none_is_whole_nothing_is_touched()
    {
        Stop("sft", "out", 5);
        Alter(_world.PathOf("out/checkpoint-4/model.safetensors"));
        File.Delete(_world.PathOf("out/checkpoint-5/trainer_state.json"));
        var before = _world.Names("out");
        var message = Assert.Throws<UserErrorException>(() => _world.Run("sft", "out")).Message;
        Assert.StartsWith($"output_dir: no checkpoint in {_world.PathOf("out")} is whole, so nothing is touched: {_world.PathOf("out/checkpoint-5")} is not whole: trainer_state.json is missing; "
            + $"{_world.PathOf("out/checkpoint-4")} is not whole: the content of model.safetensors", message, StringComparison.Ordinal);
        Assert.EndsWith("; expected a whole one, or --resume never with overwrite_output_dir: true to start over", message, StringComparison.Ordinal);
        Assert.Equal(before, _world.Names("out"));
        Assert.Contains($"already holds a run", Assert.Throws<UserErrorException>(() => _world.Run("sft", "out", resume: "never")).Message, StringComparison.Ordinal);
        var inspected = CliRun.Of("inspect", "checkpoint", _world.PathOf("out"));
        Assert.Equal(2, inspected.Code);
        Assert.EndsWith("--resume auto would be refused: no checkpoint is whole\n", inspected.Output, StringComparison.Ordinal);
    }

    [Fact]
    public void Inspecting_says_what_auto_would_take()
    {
        Stop("sft", "out", 6, ("save_steps", "2"));
        Alter(_world.PathOf("out/checkpoint-6/model.safetensors"));
        var inspected = CliRun.Of("inspect", "checkpoint", _world.PathOf("out"));
        Assert.Equal(2, inspected.Code);
        Assert.Contains($"{_world.PathOf("out/checkpoint-6")}: the content of model.safetensors is not what was written", inspected.Output, StringComparison.Ordinal);
        Assert.EndsWith("--resume auto goes on after step 4 of 9, if the values above are still the run's\n", inspected.Output, StringComparison.Ordinal);
    }

    /// <summary>With room for one checkpoint, a torn newest one does not push out the whole one before it.</summary>
    [Fact]
    public void The_last_whole_one_stays()
    {
        Stop("sft", "out", 4, ("save_steps", "2"), ("save_total_limit", "1"));
        Assert.Equal(["checkpoint-4"], Checkpoints());
        Directory.CreateDirectory(_world.PathOf("out/checkpoint-6"));
        File.Copy(_world.PathOf("out/checkpoint-4/trainer_state.json"), _world.PathOf("out/checkpoint-6/trainer_state.json"));
        var folder = new RunFolder(_world.PathOf("out"));
        folder.Prune(1);
        Assert.Equal(["checkpoint-4", "checkpoint-6"], Checkpoints());
        Assert.Equal(9, _world.Run("sft", "out", more: [("save_steps", "2"), ("save_total_limit", "1")]).Steps);
        Assert.Equal(["checkpoint-8"], Checkpoints());
    }

    [Fact]
    public void What_may_change_is_told()
    {
        Stop("sft", "out", 3);
        var notes = new Notes();
        _world.Run("sft", "out", notes, more: [("save_steps", "2"), ("logging_steps", "1")]);
        Assert.Contains($"{_world.PathOf("out/checkpoint-3")} was written with other values: logging_steps was 2 and is 1, save_steps was 4 and is 2", notes.Lines);
        Assert.DoesNotContain(notes.Lines, line => line.Contains("written elsewhere", StringComparison.Ordinal));
        Stop("sft", "other", 3);
        var record = _world.PathOf("other/run.json");
        File.WriteAllText(record, System.Text.RegularExpressions.Regex.Replace(File.ReadAllText(record), "\"threads\": \\d+", "\"threads\": 999"));
        notes = new();
        _world.Run("sft", "other", notes);
        Assert.Contains(notes.Lines, line => line.StartsWith($"{_world.PathOf("other/checkpoint-3")} was written elsewhere, and the last bits of what follows may differ: threads was 999 and is ", StringComparison.Ordinal));
        Assert.DoesNotContain(notes.Lines, line => line.Contains("other values", StringComparison.Ordinal));
    }

    private string[] Checkpoints() => [.. _world.Names("out").Where(name => name.StartsWith("checkpoint-", StringComparison.Ordinal))];

    private void Stop(string stage, string output, int step, params (string, string)[] more)
    {
        using var stop = new StopAfter(step);
        Assert.True(_world.Run(stage, output, stop, more: more).Interrupted);
    }

    private static void Alter(string path)
    {
        using var file = File.Open(path, FileMode.Open);
        file.Position = file.Length / 2;
        var value = file.ReadByte();
        file.Position--;
        file.WriteByte((byte)(value ^ 0x80));
    }
}

/// <summary>Keeps what a run notes.</summary>
internal sealed class Notes : ITrainingObserver
{
    public List<string> Lines { get; } = [];

    public void OnNote(string text) => Lines.Add(text);

    public void OnStart(TrainingPlan plan) { }

    public void OnStep(StepReport report) { }

    public void OnEvaluation(EvaluationReport report) { }

    public void OnCheckpoint(string path, int afterStep) { }

    public void OnEnd(TrainingSummary summary) { }
}
