using Zephyr.Runtime;
using Zephyr.Tests.Training;
using Zephyr.Training;

namespace Zephyr.Tests.Pipeline;

/// <summary>From files to files: a stage that was stopped and started again leaves the bytes of one that was not.</summary>
public sealed class StageResumeTests : IDisposable
{
    private const int Steps = 9;
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("sft", 5)]
    [InlineData("sft", 3, "assistant_only_loss", "true")]
    [InlineData("sft", 2, "bf16", "true", "torch_dtype", "bfloat16")]
    [InlineData("dpo", 6)]
    [InlineData("dpo", 7, "pair_layout", "concatenated", "gradient_checkpointing", "true")]
    [InlineData("dpo", 5, "bf16", "true")]
    [InlineData("sft", 4, "max_tokens_per_batch", "80")]
    [InlineData("dpo", 5, "max_tokens_per_batch", "150", "pair_layout", "shared_prefix")]
    public void A_stopped_run_goes_on_to_the_same_bytes(string stage, int stop, params string[] keys)
    {
        var more = Pair(keys);
        Assert.Equal(Steps, _world.Run(stage, "straight", more: more).Steps);
        Assert.True(Stop(stage, "stopped", stop, more).Interrupted);
        var checkpoint = Assert.Single(_world.Names("stopped"), name => name == $"checkpoint-{stop}");
        Assert.False(_world.Run(stage, "stopped", more: more).Interrupted);
        if (stop % 4 != 0) Directory.Delete(_world.PathOf($"stopped/{checkpoint}"), recursive: true);
        Same("straight", "stopped");
    }

    [Fact]
    public void Wrapped_packing_goes_on_to_the_same_bytes()
    {
        (string, string)[] more = [("packing", "true"), ("max_seq_length", "24"), ("per_device_train_batch_size", "4"), ("max_steps", "7"), ("save_steps", "2")];
        _world.Run("sft", "straight", more: more);
        Stop("sft", "stopped", 3, more);
        Stop("sft", "stopped", 5, more);
        _world.Run("sft", "stopped", more: more);
        foreach (var step in new[] { 3, 5 }) Directory.Delete(_world.PathOf($"stopped/checkpoint-{step}"), recursive: true);
        Same("straight", "stopped");
    }

    [Fact]
    public void Every_checkpoint_of_a_run_leads_to_its_end()
    {
        _world.Run("dpo", "straight", more: [("save_steps", "1")]);
        foreach (var step in new[] { 1, 5, 9 })
        {
            Assert.Equal($"output_dir: {_world.PathOf("straight")} already holds a finished run; start over with overwrite_output_dir: true",
                Assert.Throws<UserErrorException>(() => _world.Run("dpo", "straight", resume: _world.PathOf($"straight/checkpoint-{step}"))).Message);
            var before = _world.Bytes("straight");
            _world.Run("dpo", "straight", resume: _world.PathOf($"straight/checkpoint-{step}"), more: [("save_steps", "1"), ("overwrite_output_dir", "true")]);
            Same(before, _world.Bytes("straight"));
        }
    }

    [Fact]
    public void A_run_may_be_branched_off_into_another_folder()
    {
        _world.Run("sft", "straight");
        _world.Run("sft", "branch", resume: _world.PathOf("straight/checkpoint-4"));
        Assert.Equal(_world.Bytes("straight")["model.safetensors"], _world.Bytes("branch")["model.safetensors"]);
        Assert.Equal(["checkpoint-8"], _world.Names("branch").Where(name => name.StartsWith("checkpoint", StringComparison.Ordinal)));
        // But not over a run that is there.
        Assert.Throws<UserErrorException>(() => _world.Run("sft", "branch", resume: _world.PathOf("straight/checkpoint-4")));
    }

    [Fact]
    public void A_run_that_broke_off_before_its_first_checkpoint_starts_over()
    {
        _world.Run("sft", "straight");
        Assert.True(Stop("sft", "stopped", 0).Interrupted);
        Assert.Equal(["run.json"], _world.Names("stopped"));
        _world.Run("sft", "stopped");
        Same("straight", "stopped");
        // Another stage's folder is not its own to start over in.
        Stop("sft", "other", 0);
        Assert.Throws<UserErrorException>(() => _world.Run("dpo", "other"));
        Assert.Throws<UserErrorException>(() => _world.Run("sft", "other", resume: "never"));
    }

    /// <summary>What the first test leaves out: stopped twice on the way, every way of packing, each optimizer, recomputation, cached reference, and several together.</summary>
    [Theory]
    [InlineData("sft", "packing=true max_seq_length=24 packing_strategy=bfd bf16=true gradient_accumulation_steps=1 eval_steps=2")]
    [InlineData("sft", "packing=true max_seq_length=24 packing_strategy=bfd_split optim=rmsprop gradient_checkpointing=true")]
    [InlineData("sft", "packing=true max_seq_length=24 max_tokens_per_batch=60 bf16=true gradient_checkpointing=true gradient_accumulation_steps=3")]
    [InlineData("sft", "optim=rmsprop bf16=true torch_dtype=bfloat16 max_tokens_per_batch=80")]
    [InlineData("dpo", "optim=rmsprop bf16=true pair_layout=shared_prefix gradient_checkpointing=true")]
    [InlineData("dpo", "reference=cached max_tokens_per_batch=150 gradient_accumulation_steps=3 bf16=true")]
    [InlineData("dpo", "optim_state_device=host optim_state_dtype=bfloat16 bf16=true")]
    [InlineData("dpo", "loss_type=[sigmoid,sft] rpo_alpha=0.5 logging_steps=3 gradient_accumulation_steps=1")]
    public void Stopped_twice_it_goes_on_to_the_same_bytes(string stage, string keys)
    {
        var more = keys.Split(' ').Select(key => key.Split('=')).Select(pair => (pair[0], pair[1])).Append(("save_steps", "3")).Append(("max_steps", "8")).ToArray();
        Assert.Equal(8, _world.Run(stage, "straight", more: more).Steps);
        foreach (var step in new[] { 2, 5 }) Assert.True(Stop(stage, "stopped", step, more).Interrupted);
        _world.Run(stage, "stopped", more: more);
        foreach (var step in new[] { 2, 5 }) Directory.Delete(_world.PathOf($"stopped/checkpoint-{step}"), recursive: true);
        Same("straight", "stopped");
    }

    [Theory]
    [InlineData("per_device_train_batch_size", "1", "per_device_train_batch_size was 2 and is 1, total steps was 9 and is 15")]
    [InlineData("seed", "7", "seed was 42 and is 7, training tokens was * and is *")]
    [InlineData("max_length", "20", "max_seq_length was * and is 20, training tokens was * and is *")]
    [InlineData("bf16", "true", "bf16 was false and is true")]
    [InlineData("max_tokens_per_batch", "128", "max_tokens_per_batch was 0 and is 128")]
    [InlineData("optim_state_dtype", "bfloat16", "optim_state_dtype was \"float32\" and is \"bfloat16\"")]
    [InlineData("learning_rate", "0.5", "learning_rate was * and is 0.5")]
    [InlineData("assistant_only_loss", "true", "assistant_only_loss was false and is true")]
    public void A_checkpoint_whose_steps_meant_something_else_is_refused(string key, string value, string differences)
    {
        Stop("sft", "stopped", 3);
        var before = _world.Bytes("stopped");
        var message = Assert.Throws<UserErrorException>(() => _world.Run("sft", "stopped", more: [(key, value)])).Message;
        var checkpoint = _world.PathOf("stopped/checkpoint-3");
        Assert.Matches("^" + System.Text.RegularExpressions.Regex.Escape($"{checkpoint}: this checkpoint cannot be continued: {differences}; "
            + "put the values back, or start over with --resume never and overwrite_output_dir").Replace(@"\*", "[0-9.E+-]+") + "$", message);
        Same(before, _world.Bytes("stopped"));
    }

    [Fact]
    public void Another_reference_or_beta_is_refused_and_another_cadence_is_not()
    {
        Stop("dpo", "stopped", 3);
        Assert.Contains("beta was 0.1 and is 0.2", Assert.Throws<UserErrorException>(() => _world.Run("dpo", "stopped", more: [("beta", "0.2")])).Message, StringComparison.Ordinal);
        Assert.False(_world.Run("dpo", "stopped", more: [("save_steps", "2"), ("logging_steps", "1")]).Interrupted);
    }

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void Rows_may_move_but_not_change(string stage)
    {
        Stop(stage, "stopped", 3);
        var lines = File.ReadAllLines(stage == "sft" ? _world.Dialogues : _world.Pairs);
        // As many rows and tokens, in another order: every step would see other rows.
        var changed = _world.Write("changed.jsonl", string.Join('\n', lines.Reverse()) + "\n");
        Assert.Contains("content of the input files was", Assert.Throws<UserErrorException>(() => _world.Run(stage, "stopped", more: [("dataset", changed)])).Message,
            StringComparison.Ordinal);
        var moved = _world.PathOf("moved.jsonl");
        File.Copy(stage == "sft" ? _world.Dialogues : _world.Pairs, moved);
        Assert.False(_world.Run(stage, "stopped", more: [("dataset", moved)]).Interrupted);
    }

    /// <summary>Files are read in the order of their names: new names may put the same rows into another order.</summary>
    [Fact]
    public void Files_may_be_renamed_but_not_into_another_order()
    {
        var lines = File.ReadAllLines(_world.Dialogues);
        void Write(string first, string second)
        {
            _world.Write(first, string.Join('\n', lines[..6]));
            _world.Write(second, string.Join('\n', lines[6..]));
        }
        (string, string)[] From(string folder) => [("dataset", _world.PathOf(folder))];
        Write("rows/a.jsonl", "rows/b.jsonl");
        Write("same/c.jsonl", "same/d.jsonl");
        Write("turned/b.jsonl", "turned/a.jsonl");
        Stop("sft", "stopped", 3, From("rows"));
        Assert.Contains("content of the input files was", Assert.Throws<UserErrorException>(() => _world.Run("sft", "stopped", more: From("turned"))).Message,
            StringComparison.Ordinal);
        Assert.False(_world.Run("sft", "stopped", more: From("same")).Interrupted);
    }

    [Fact]
    public void Two_runs_do_not_write_to_one_folder_at_once()
    {
        using (new RunFolder(_world.PathOf("busy")).Claim())
            Assert.Equal($"output_dir {_world.PathOf("busy")}: another run (process {Environment.ProcessId}) is writing to it, expected a folder of its own for each",
                Assert.Throws<UserErrorException>(() => _world.Run("sft", "busy")).Message);
        Assert.False(_world.Run("sft", "busy").Interrupted);
    }

    [Fact]
    public void Newer_checkpoints_are_not_lost_unasked()
    {
        Stop("sft", "stopped", 6, ("save_steps", "2"));
        var older = _world.PathOf("stopped/checkpoint-2");
        Assert.Equal($"--resume {older}: {_world.PathOf("stopped/checkpoint-6")} is newer and would be lost; expected the newest checkpoint, or overwrite_output_dir: true",
            Assert.Throws<UserErrorException>(() => _world.Run("sft", "stopped", resume: older, more: [("save_steps", "2")])).Message);
        Assert.False(_world.Run("sft", "stopped", resume: older, more: [("save_steps", "2"), ("overwrite_output_dir", "true")]).Interrupted);
    }

    [Fact]
    public void The_starting_model_is_not_lost_behind_a_link()
    {
        Directory.CreateSymbolicLink(_world.PathOf("link"), _world.Base);
        Assert.Contains("model_name_or_path too", Assert.Throws<UserErrorException>(() =>
            _world.Run("sft", "link", more: [("overwrite_output_dir", "true")])).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("trainer_state.json", "{}")]
    [InlineData("trainer_state.json", "{\"step\": 3")]
    [InlineData("trainer_state.json", "null")]
    [InlineData("optimizer.safetensors", "xx")]
    [InlineData("model.safetensors", "xx")]
    public void A_checkpoint_that_was_never_sound_is_refused_by_name(string file, string content)
    {
        Stop("sft", "stopped", 3);
        var path = _world.Write($"stopped/checkpoint-3/{file}", content);
        CheckpointManifest.Write(_world.PathOf("stopped/checkpoint-3"));
        Assert.StartsWith($"{path} cannot be used: ", Assert.Throws<UserErrorException>(() => _world.Run("sft", "stopped")).Message);
    }

    private TrainingSummary Stop(string stage, string output, int step, params (string, string)[] more)
    {
        using var stop = new StopAfter(step);
        return _world.Run(stage, output, stop, more: more);
    }

    private void Same(string expected, string actual) => Same(_world.Bytes(expected), _world.Bytes(actual));

    private static void Same(Dictionary<string, byte[]> expected, Dictionary<string, byte[]> actual)
    {
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, bytes) in expected) Assert.True(bytes.AsSpan().SequenceEqual(actual[name]), $"{name} differs");
    }

    private static (string, string)[] Pair(string[] keys) => [.. keys.Chunk(2).Select(pair => (pair[0], pair[1]))];
}
