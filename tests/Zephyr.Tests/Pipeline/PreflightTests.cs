using Zephyr.Data;
using Zephyr.Data.Text;
using Zephyr.Model.Weights;
using Zephyr.Objectives;
using Zephyr.Pipeline;
using Zephyr.Runtime;
using Zephyr.Tests.Cli;
using Zephyr.Tests.Training;
using Zephyr.Tests.Training.Watchdogs;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Pipeline;

/// <summary>What a run finds out about itself before its first step, and that finding out changes nothing.</summary>
public sealed class PreflightTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("sft")]
    [InlineData("sft", "bf16", "true", "gradient_checkpointing", "true")]
    [InlineData("dpo")]
    [InlineData("dpo", "bf16", "true")]
    [InlineData("dpo", "pair_layout", "shared_prefix", "max_tokens_per_batch", "150")]
    [InlineData("dpo", "reference", "cached")]
    public void With_it_and_without_the_bytes_are_the_same(string stage, params string[] keys)
    {
        (string, string)[] more = [.. keys.Chunk(2).Select(pair => (pair[0], pair[1]))];
        _world.Run(stage, "with", more: more);
        _world.Run(stage, "without", more: [("preflight", "false"), .. more]);
        // Stopped and resumed, it is made twice.
        using (var stop = new StopAfter(5)) _world.Run(stage, "stopped", stop, more: more);
        _world.Run(stage, "stopped", more: more);
        var expected = _world.Bytes("without");
        foreach (var output in new[] { "with", "stopped" })
        {
            var actual = _world.Bytes(output);
            foreach (var (name, bytes) in expected.Where(file => !file.Key.Contains("trainer_state", StringComparison.Ordinal)))
                Assert.True(bytes.AsSpan().SequenceEqual(actual[name]), $"{name} of {output} differs");
        }
    }

    [Fact]
    public void What_is_told_of_losses_changes_none()
    {
        var (none, some) = (new NoteTaker(), new NoteTaker());
        _world.Run("sft", "none", none, more: [("loss_spike_factor", "0"), ("max_steps", "40"), ("learning_rate", "1e-12")]);
        _world.Run("sft", "some", some, more: [("loss_spike_factor", "1e-6"), ("max_steps", "40"), ("learning_rate", "1e-12")]);
        Assert.Contains(some.Notes, note => note.Contains(" deviations above the median ", StringComparison.Ordinal) && note.Contains("dialogues.jsonl, line ", StringComparison.Ordinal));
        Assert.DoesNotContain(none.Notes, note => note.Contains(" deviations ", StringComparison.Ordinal));
        var (expected, actual) = (_world.Bytes("none"), _world.Bytes("some"));
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, bytes) in expected.Where(file => !file.Key.Contains("trainer_state", StringComparison.Ordinal)))
            Assert.True(bytes.AsSpan().SequenceEqual(actual[name]), $"{name} differs");
    }

    [Fact]
    public void What_it_found_is_noted_before_the_first_step()
    {
        var notes = new NoteTaker();
        _world.Run("sft", "out", notes);
        Assert.Contains("preflight: all of the first 11 rows come back from their tokens letter by letter, every answer's </s> is supervised", notes.Notes);
        Assert.Contains("learning rate: 2.0e-03 at step 2, the highest, and 7.6e-05 at step 9, the last", notes.Notes.Select(note => note.Replace("7.612e-05", "7.6e-05", StringComparison.Ordinal)));
        Assert.Matches("^preflight: the largest micro-batch ahead, 2 rows of [0-9]+ tokens in all, went forward and back in [0-9.]+ s with at most [0-9]+ MiB of memory resident; "
            + "its loss is [0-9.]+, its gradient norm [0-9.]+$", notes.Notes[^1]);
        var pairs = new NoteTaker();
        _world.Run("dpo", "pairs", pairs);
        Assert.Contains("preflight: all of the first 16 rows come back from their tokens letter by letter, every answer's </s> is supervised", pairs.Notes);
        var off = new NoteTaker();
        _world.Run("dpo", "off", off, more: [("preflight", "false")]);
        Assert.DoesNotContain(off.Notes, note => note.StartsWith("preflight", StringComparison.Ordinal));
    }

    /// <summary>Two thousand million checkpoints fit no disk; but with a few of them kept they do.</summary>
    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void Checkpoints_that_the_disk_has_no_room_for_are_refused(string stage)
    {
        string[] Args(params (string, string)[] more) => [stage, .. _world.KeysOf(stage, "out", [("max_steps", "2000000000"), ("save_steps", "1"), .. more]).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value })];
        var run = CliRun.Of(Args());
        Assert.Equal(2, run.Code);
        Assert.Matches($"^zephyr: output_dir: {_world.PathOf("out")} needs 8[0-9]{{5}}\\.[0-9] GiB for the checkpoints and the model that the run will write, found [0-9.]+ [GM]iB free; "
            + "give another output_dir, a lower save_total_limit \\(0 keeps all\\) or fewer checkpoints, or preflight: false to go without this check\n$", run.Error);
        Assert.Empty(_world.Names("out"));
        // A rehearsal shows it and goes on to the rest.
        var rehearsal = CliRun.Of([.. Args(), "--dry-run"]);
        Assert.Equal((0, true), (rehearsal.Code, rehearsal.Output.Contains(", MORE THAN THE ", StringComparison.Ordinal)));
        using var stop = new StopAfter(3);
        Assert.True(_world.Run(stage, "kept", stop, more: [("max_steps", "2000000000"), ("save_steps", "1"), ("save_total_limit", "2")]).Interrupted);
    }

    [Fact]
    public void The_room_that_is_needed_is_counted_from_what_stands_there()
    {
        // A fresh start with the old run's room given back.
        Assert.Equal((450, true), Room(steps: 4, limit: int.MaxValue, free: 400, freed: 50));
        Assert.False(Room(4, int.MaxValue, free: 400, freed: 49).Fits);
        // One more than are kept, at a time.
        Assert.Equal(350, Room(9, limit: 2, free: 0).Ahead);
        Assert.Equal(50, Room(0, limit: 2, free: 0).Ahead);
        // Going on: two stand there, one comes on top before one goes.
        Assert.Equal(150, Room(5, limit: 2, standing: 2, free: 0).Ahead);
        Assert.Equal(250, Room(5, limit: 3, standing: 2, free: 0).Ahead);
        Assert.Equal(150, Room(5, limit: 2, standing: 7, free: 0).Ahead);
        Assert.Equal(550, Room(5, int.MaxValue, standing: 7, free: 0).Ahead);
        Assert.True(Room(5, int.MaxValue, free: null).Fits);

        static (long Ahead, bool Fits) Room(int steps, int limit, long? free, int standing = 0, long freed = 0)
        {
            var plan = new DiskPlan("out", new StepSeries(1, 0, steps), Math.Min(limit, steps), 100, 50, free) { Limit = limit + 1L, Standing = standing, Freed = freed };
            return (plan.Ahead, plan.Fits);
        }
    }

    [Fact]
    public void A_text_that_the_tokenizer_has_no_pieces_for_is_told_with_its_row()
    {
        var check = new TemplateRoundTrip(MistralTokenizer.Load(_world.Base), insertSystem: true);
        Assert.Equal("preflight: all of the first 3 rows come back from their tokens letter by letter, every answer's </s> is supervised",
            check.Check([Row(1, "a"), Row(2, "  </s> é \u2603 \ud83d\ude00 \n\n</s></s>x <s>"), new(new("f", 3, true), [], "a plain text")]));
        // A lone surrogate is no text, and the tokenizer's own sign for a space is one.
        Assert.Equal("preflight: 1 of the first 3 rows come back from their tokens letter by letter, every answer's </s> is supervised; 2 do not: "
            + "f, line 2, character 49: found \"\ufffd</s> \\n\", expected \"\ud800</s> \\n\"", check.Check([Row(1, "a"), Row(2, "\ud800"), Row(3, "\u2581")]));

        static Conversation Row(int line, string answer) => new(new("f", line, true), [new("user", "Hi"), new("assistant", answer)]);
    }

    /// <summary>A packed row stands in no file: it is named by its number and by how it begins.</summary>
    [Fact]
    public void Packed_rows_are_named_by_number_and_words()
    {
        var weights = Path.Combine(_world.Base, "model.safetensors");
        using (var file = File.Open(weights, FileMode.Open))
        {
            file.Position = file.Length - 4;
            file.Write(BitConverter.GetBytes(float.NaN));
        }
        (string, string)[] keys = [("packing", "true"), ("max_seq_length", "40"), ("per_device_train_batch_size", "1")];
        foreach (var strategy in new[] { "wrapped", "bfd" })
        {
            var error = Assert.Throws<RunFailedException>(() => _world.Run("sft", strategy, more: [("packing_strategy", strategy), .. keys]));
            Assert.Matches("^preflight: the loss of the largest micro-batch ahead, 1 row of [0-9]+ tokens in all \\(training packed row [0-9]+ \\(.{20,}\\.\\.\\.\\)\\), is NaN ", error.Message);
        }
    }

    [Fact]
    public void The_trial_pass_takes_the_largest_micro_batch_of_the_steps_ahead()
    {
        int[] lengths = [.. Enumerable.Range(0, 23).Select(i => 3 + i * 7 % 20)];
        foreach (var maxTokens in new[] { 0, 40 })
        {
            var plan = new BatchPlan(23, 2, 2, 42) { MaxTokens = maxTokens, TokensOf = row => lengths[row] };
            for (var first = 1; first <= 12; first += 4)
            {
                var most = Enumerable.Range(first, 13 - first).SelectMany(plan.MicroBatches).Max(rows => rows.Sum(row => lengths[row]));
                Assert.Equal(most, plan.Largest(first, 12).Sum(row => lengths[row]));
            }
        }
    }

    [Fact]
    public void The_trial_pass_leaves_no_tensor_and_no_gradient()
    {
        using var model = ModelFolder.Load(_world.Base, ScalarType.Float32, CPU, trainable: true);
        using var workspace = new LogitsWorkspace();
        using var trainer = new Trainer<Zephyr.Data.Batches.TokenSequence>(model, new SftObjective(model, workspace), new(TinyTraining.Sequences(9), []),
            TinyTraining.Options(), TinyTraining.Output(_world.PathOf("out")), SilentObserver.Instance);
        trainer.Rehearse(() => "");
        var alive = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        for (var i = 0; i < 20; i++) trainer.Rehearse(() => "");
        Assert.Equal(alive, TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount);
        Assert.All(model.Parameters.Weights, weight => Assert.Null(weight.Gradient));
        for (var step = 0; step < trainer.TotalSteps; step++) trainer.TakeStep();
        Assert.Null(trainer.Rehearse(() => ""));
    }

    [Fact]
    public void Equal_answers_and_equal_scores_are_told_with_their_rows()
    {
        string Line(int i, string rejected, string scores) => $$"""{"prompt": "How old is {{i}}?", "chosen": "It is {{i}}.", "rejected": "{{rejected}}"{{scores}}}""" + "\n";
        var equal = _world.Write("equal.jsonl", string.Concat(Enumerable.Range(1, 6).Select(i => Line(i, i is 2 or 5 ? $"It is {i}." : "No.", ", \"score_chosen\": 3, \"score_rejected\": 3.0"))));
        var notes = new NoteTaker();
        _world.Run("dpo", "out", notes, more: [("dataset", equal), ("eval_fraction", "0"), ("eval_strategy", "no"), ("max_steps", "1")]);
        Assert.Contains($"2 training pairs have equal answers, which say nothing of a preference: {equal}, line 2; {equal}, line 5", notes.Notes);
        Assert.Contains("training data: score_chosen equals score_rejected in all 6 pairs that have both: the preference may have been lost on the way", notes.Notes);
        var some = _world.Write("some.jsonl", string.Concat(Enumerable.Range(1, 6).Select(i => Line(i, "No.", i == 3 ? ", \"score_chosen\": 4, \"score_rejected\": 3.0" : ", \"score_chosen\": \"x\", \"score_rejected\": null"))));
        var quiet = new NoteTaker();
        _world.Run("dpo", "some", quiet, more: [("dataset", some), ("eval_fraction", "0"), ("eval_strategy", "no"), ("max_steps", "1")]);
        Assert.DoesNotContain(quiet.Notes, note => note.Contains("score_chosen", StringComparison.Ordinal) || note.Contains("equal answers,", StringComparison.Ordinal));
    }
}
