using System.Text.Json.Nodes;
using Zephyr.Tests.Training;
using Zephyr.Tests.Training.Watchdogs;

namespace Zephyr.Tests.Pipeline;

/// <summary>From files to files: the best checkpoint stays and is what is written, and a run that gets no better stops, resumed or not.</summary>
public sealed class BestModelRunTests : IDisposable
{
    // A rate at which the held-out loss of the tiny model goes up before the end.
    private static readonly (string, string)[] Overfits =
    [
        ("learning_rate", "3e-2"), ("num_train_epochs", "10"), ("eval_steps", "2"), ("save_steps", "2"), ("lr_scheduler_type", "constant"), ("eval_fraction", "0"),
    ];

    private readonly TinyWorld _world = new();

    private (string, string) Other(string stage) => ("eval_dataset", stage == "sft"
        ? _world.Write("other.jsonl", string.Concat(Enumerable.Range(0, 4).Select(i => $$"""{"messages": [{"role": "user", "content": "What of it, {{i}}?"}, {"role": "assistant", "content": "There was a time of {{i}} oaks, and then none."}]}""" + "\n")))
        : _world.Write("other.jsonl", string.Concat(Enumerable.Range(0, 4).Select(i => $$"""{"prompt": "What of it, {{i}}?", "chosen": "No, there was a time of {{i}} oaks.", "rejected": "It is well, and {{i}} years old."}""" + "\n"))));

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("sft", "loss", "false")]
    [InlineData("dpo", "loss", "true")]
    public void The_model_that_is_written_is_the_best_one(string stage, string metric, string bf16)
    {
        (string, string)[] keys = [.. Overfits, Other(stage), ("bf16", bf16)];
        _world.Run(stage, "plain", more: keys);
        var notes = new NoteTaker();
        var summary = _world.Run(stage, "best", notes, more: [.. keys, ("load_best_model_at_end", "true"), ("metric_for_best_model", metric), ("save_total_limit", "1")]);
        var best = notes.Evaluations.Where(evaluation => evaluation.Step > 0).MinBy(evaluation => evaluation.Metrics["eval_loss"])!;
        Assert.True(best.Step < summary.Steps, $"the best of {summary.Steps} steps is the last, so that nothing is tested");
        Assert.StartsWith($"the model written is that of step {best.Step}, of eval_loss ", notes.Notes[^1], StringComparison.Ordinal);
        // Metrics do not know of it; the limit of 1 keeps the best beside the newest.
        Assert.Equal(_world.Bytes("plain")["metrics.jsonl"], _world.Bytes("best")["metrics.jsonl"]);
        Assert.Equal([$"checkpoint-{best.Step}", $"checkpoint-{summary.Steps}"], _world.Names("best").Where(name => name.StartsWith("checkpoint", StringComparison.Ordinal))
            .OrderBy(name => int.Parse(name["checkpoint-".Length..], System.Globalization.CultureInfo.InvariantCulture)));
        var files = _world.Bytes("best");
        foreach (var name in (string[])["model.safetensors", "config.json", "tokenizer.json", "tokenizer_config.json"])
        {
            Assert.Equal(files[$"checkpoint-{best.Step}/{name}"], files[name]);
            Assert.Equal(_world.Bytes("plain")[$"checkpoint-{best.Step}/{name}"], files[name]);
        }
        Assert.DoesNotContain(files.Keys, name => name is "optimizer.safetensors" or "trainer_state.json");
        Assert.NotEqual(_world.Bytes("plain")["model.safetensors"], files["model.safetensors"]);
        var state = JsonNode.Parse(files[$"checkpoint-{summary.Steps}/trainer_state.json"])!["best"]!;
        Assert.Equal((best.Step, best.Metrics["eval_loss"]), ((int)state["checkpoint_step"]!, (double)state["value"]!));
    }

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void A_run_that_gets_no_better_stops_and_so_does_a_resumed_one(string stage)
    {
        (string, string)[] keys = [.. Overfits, Other(stage), ("load_best_model_at_end", "true"), ("early_stopping_patience", "2"), ("save_total_limit", "2")];
        var notes = new NoteTaker();
        var summary = _world.Run(stage, "straight", notes, more: keys);
        Assert.False(summary.Interrupted);
        // By hand: the second evaluation in a row that is no better than the best before it.
        var (best, waited) = (double.PositiveInfinity, 0);
        foreach (var evaluation in notes.Evaluations.Where(evaluation => evaluation.Step > 0))
        {
            Assert.True(waited < 2, "the run went on");
            var value = evaluation.Metrics["eval_loss"];
            waited = value < best ? 0 : waited + 1;
            best = Math.Min(best, value);
        }
        Assert.Equal((2, summary.Steps), (waited, notes.Evaluations[^1].Step));
        Assert.Matches($"^stopped after step {summary.Steps}: eval_loss has not been better than [0-9.]+ \\(step {summary.Steps - 4}\\) for 2 evaluations, as early_stopping_patience allows$", notes.Notes[^2]);
        var expected = _world.Bytes("straight");
        for (var step = 1; step < summary.Steps; step += 2)
        {
            using (var stop = new StopAfter(step)) Assert.True(_world.Run(stage, $"stopped-{step}", stop, more: keys).Interrupted);
            Assert.Equal(summary.Steps, _world.Run(stage, $"stopped-{step}", more: keys).Steps);
            var actual = _world.Bytes($"stopped-{step}");
            foreach (var (name, bytes) in expected) Assert.True(bytes.AsSpan().SequenceEqual(actual[name]), $"{name} differs after a stop at {step}");
        }
        // A checkpoint of a run that has had enough takes no further step.
        File.Delete(_world.PathOf("straight/model.safetensors"));
        Assert.Equal(summary.Steps, _world.Run(stage, "straight", more: keys).Steps);
        Assert.Equal(expected["model.safetensors"], _world.Bytes("straight")["model.safetensors"]);
    }

    /// <summary>Branched off into another folder, the best checkpoint so far is not there: the best of the rest is taken.</summary>
    [Fact]
    public void A_branch_has_its_own_best()
    {
        (string, string)[] keys = [.. Overfits, Other("sft"), ("load_best_model_at_end", "true")];
        var notes = new NoteTaker();
        var steps = _world.Run("sft", "straight", notes, more: keys).Steps;
        var best = notes.Evaluations.Where(evaluation => evaluation.Step > 0).MinBy(evaluation => evaluation.Metrics["eval_loss"])!.Step;
        var from = best + 2;
        var branch = new NoteTaker();
        _world.Run("sft", "branch", branch, resume: _world.PathOf($"straight/checkpoint-{from}"), more: keys);
        var own = notes.Evaluations.Where(evaluation => evaluation.Step > from).MinBy(evaluation => evaluation.Metrics["eval_loss"])!.Step;
        Assert.StartsWith($"the model written is that of step {own}, of eval_loss ", branch.Notes[^1], StringComparison.Ordinal);
        Assert.Equal(_world.Bytes(own == steps ? "branch" : $"straight/checkpoint-{own}")["model.safetensors"], _world.Bytes("branch")["model.safetensors"]);
    }
}
