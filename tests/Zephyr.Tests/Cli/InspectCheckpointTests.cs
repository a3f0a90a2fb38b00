using System.Text.Json;
using Zephyr.Tests.Pipeline;
using Zephyr.Tests.Training;

namespace Zephyr.Tests.Cli;

public sealed class InspectCheckpointTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("false", "exp_avg 21 146,752|exp_avg_sq 21 146,752")]
    [InlineData("true", "exp_avg 21 146,752|exp_avg_sq 21 146,752|master 21 146,752")]
    public void A_checkpoint_says_where_the_run_stood_and_how_it_goes_on(string bf16, string optimizer)
    {
        Interrupt("sft", ("bf16", bf16));
        var folder = _world.PathOf("out/checkpoint-5");
        var run = CliRun.Of("inspect", "checkpoint", folder);
        Assert.Equal((0, ""), (run.Code, run.Error));
        var lines = InspectModelTests.Lines(run.Output);
        Assert.Equal([$"sft of {_world.Base} in {_world.PathOf("out")}", $"{folder} value", "steps taken 5 of 9", "epoch 1.67"], lines[..4]);
        Assert.Matches(@"^tokens seen \d", lines[4]);
        // Logged every second step: the fifth step's loss stands in the tally.
        Assert.Matches(@"^loss since the last logged step \d\.\d{4}$", lines[5]);
        Assert.Equal(["evaluation still due no", "parameters 36,688"], lines[6..8]);
        Assert.Equal(["whole yes", "optimizer state tensors bytes", .. optimizer.Split('|'), "a run that goes on must have value"], lines[9..(12 + optimizer.Split('|').Length)]);
        Assert.Contains("learning_rate 0.002", lines);
        Assert.Contains("total steps 9", lines);
        Assert.Equal($"--resume {folder} goes on after step 5 of 9, if the values above are still the run's", lines[^1]);
        Assert.Equal(0, CliRun.Of(Args("sft", folder, ("bf16", bf16))).Code);
    }

    /// <summary>What is said of --resume is what --resume does.</summary>
    [Fact]
    public void An_output_folder_lists_its_checkpoints()
    {
        Interrupt("dpo");
        var (older, newer) = (_world.PathOf("out/checkpoint-4"), _world.PathOf("out/checkpoint-5"));
        var lines = InspectModelTests.Lines(CliRun.Of("inspect", "checkpoint", _world.PathOf("out")).Output);
        Assert.Equal("checkpoint step epoch tokens bytes whole", lines[1]);
        Assert.Matches($@"^{older} 4 1\.33 [\d,]+ [\d,]+ yes$", lines[2]);
        Assert.Matches($@"^{newer} 5 1\.67 [\d,]+ [\d,]+ yes$", lines[3]);
        Assert.Equal("--resume auto goes on after step 5 of 9, if the values above are still the run's", lines[4]);

        Assert.EndsWith($"--resume {older} would be refused: {newer} is newer and would be lost; with overwrite_output_dir: true it goes on after step 4 of 9\n",
            CliRun.Of("inspect", "checkpoint", older).Output, StringComparison.Ordinal);
        Assert.Equal(2, CliRun.Of(Args("dpo", older)).Code);
        Assert.Equal(0, CliRun.Of(Args("dpo", "auto")).Code);
        Assert.EndsWith("--resume auto would be refused: the run is finished; overwrite_output_dir: true starts over\n",
            CliRun.Of("inspect", "checkpoint", _world.PathOf("out")).Output, StringComparison.Ordinal);
        Assert.Equal(2, CliRun.Of(Args("dpo", "auto")).Code);
    }

    [Fact]
    public void What_is_not_whole_is_said()
    {
        Interrupt("sft");
        var folder = _world.PathOf("out/checkpoint-5");
        File.Delete(Path.Combine(folder, "optimizer.safetensors"));
        File.Delete(Path.Combine(folder, "tokenizer.model"));
        using (var weights = File.OpenWrite(Path.Combine(folder, "model.safetensors"))) weights.SetLength(9000);
        var run = CliRun.Of("inspect", "checkpoint", folder);
        Assert.Equal((2, ""), (run.Code, run.Error));
        var lines = InspectModelTests.Lines(run.Output);
        Assert.Contains(lines, line => line.StartsWith($"{folder}: {folder}/model.safetensors cannot be used: ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith($"{folder}: {folder}/optimizer.safetensors cannot be read: ", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.StartsWith($"{folder}: {folder}: found only ", StringComparison.Ordinal));
        Assert.Equal($"--resume {folder} would be refused: the checkpoint is not whole", lines[^1]);

        File.Copy(Path.Combine(_world.Base, "model.safetensors"), Path.Combine(folder, "optimizer.safetensors"));
        Assert.Contains("optimizer.safetensors: model of no weight of the model: ", CliRun.Of("inspect", "checkpoint", folder).Output);
        File.WriteAllText(Path.Combine(folder, "trainer_state.json"), "{");
        Assert.StartsWith($"zephyr: {folder}/trainer_state.json cannot be used: ", CliRun.Of("inspect", "checkpoint", folder).Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_folder_that_is_neither_is_refused() => Assert.Equal(
        new(2, "", $"zephyr: {_world.Base}: found neither trainer_state.json nor a checkpoint-N folder, expected a checkpoint or an output_dir with checkpoints\n"),
        CliRun.Of("inspect", "checkpoint", _world.Base));

    [Fact]
    public void As_json_it_is_one_document()
    {
        Interrupt("sft");
        var json = JsonDocument.Parse(CliRun.Of("inspect", "checkpoint", "--json", _world.PathOf("out")).Output).RootElement;
        Assert.Equal(("sft", false, 2), (json.GetProperty("stage").GetString(), json.GetProperty("is_finished").GetBoolean(), json.GetProperty("checkpoints").GetArrayLength()));
        var newest = json.GetProperty("checkpoints")[1];
        Assert.Equal((5, 9, 0), (newest.GetProperty("step").GetInt32(), newest.GetProperty("total_steps").GetInt32(), newest.GetProperty("problems").GetArrayLength()));
        Assert.Equal("SftObjective", newest.GetProperty("shape").GetProperty("objective").GetString());
    }

    private void Interrupt(string stage, params (string, string)[] more)
    {
        using var stop = new StopAfter(5);
        _world.Run(stage, "out", stop, more: more);
    }

    private string[] Args(string stage, string resume, params (string, string)[] more) =>
        [stage, "--resume", resume, .. _world.KeysOf(stage, "out", more).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value })];
}
