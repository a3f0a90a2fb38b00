using System.IO.Compression;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Pipeline;
using Zephyr.Runtime;
using Zephyr.Tests.Training;
using Zephyr.Training;

namespace Zephyr.Tests.Pipeline;

/// <summary>Which rows a stage trains on: mixed, compressed, plain text, or with bad ones among them.</summary>
public sealed class StageRowsTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Compressed_rows_train_the_same_model()
    {
        using (var packed = new GZipStream(File.Create(_world.PathOf("rows.jsonl.gz")), CompressionLevel.Optimal))
            packed.Write(File.ReadAllBytes(_world.Dialogues));
        _world.Run("sft", "plain");
        _world.Run("sft", "packed", more: [("dataset", _world.PathOf("rows.jsonl.gz"))]);
        Same("plain", "packed");
    }

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void Bad_rows_are_left_out_counted_once_and_told_and_the_others_train_the_same_model(string stage)
    {
        var good = File.ReadAllLines(stage == "sft" ? _world.Dialogues : _world.Pairs);
        // The empty answer of a pair is found by the tokenizer, all else by the readers.
        var unanswered = stage == "sft"
            ? """{"messages": [{"role": "user", "content": "Q"}]}"""
            : """{"prompt": "Q", "chosen": "A", "rejected": ""}""";
        var rows = _world.Write("rows.jsonl", string.Join('\n', [good[0], "{broken", .. good[1..5], unanswered, .. good[5..], """{"a": 1}"""]));
        _world.Run(stage, "clean");
        var notes = new Notes();
        // eval_fraction reads the rows several times.
        _world.Run(stage, "skipped", notes, more: [("dataset", rows), ("on_bad_row", "skip")]);
        Same("clean", "skipped");
        Assert.Equal(3, notes.Lines.Count(line => line.StartsWith($"left out: {rows}, line ", StringComparison.Ordinal)));
        Assert.Contains(notes.Lines, line => line.StartsWith("3 rows left out that cannot be used (on_bad_row: skip): 1 with ", StringComparison.Ordinal));
        Assert.Contains($"left out: {rows}, line 2: found broken JSON at byte 1, expected one JSON object on the line", notes.Lines);
        Assert.StartsWith($"{rows}, line 2: ", Assert.Throws<BadRowException>(() => _world.Run(stage, "failed", more: [("dataset", rows)])).Message);
    }

    /// <summary>The rows that are held out are chosen before the first one is tokenized: on a large set somebody may be waiting for that.</summary>
    [Fact]
    public void Choosing_the_rows_to_hold_out_can_be_interrupted()
    {
        using var stop = new CancellationTokenSource();
        var files = new StageFiles(new() { Dataset = [_world.Dialogues], EvalFraction = 0.1 });
        var read = 0;
        string PromptOf(Conversation row)
        {
            if (++read == 3) stop.Cancel();
            return ConversationRows.PromptOf(row);
        }
        Assert.Throws<OperationCanceledException>(() => files.Rows(ConversationSchema.Read, PromptOf, 42, stop.Token));
        Assert.Equal(3, read);
    }

    [Fact]
    public void Splits_of_a_mixer_are_trained_on_and_held_out()
    {
        var lines = File.ReadAllLines(_world.Dialogues);
        _world.Write("hub/data/train_sft-00000-of-00001-ab.jsonl", string.Join('\n', lines[..8]));
        _world.Write("hub/data/test_sft-00000-of-00001-ab.jsonl", string.Join('\n', lines[8..]));
        _world.Write("more/train_sft.jsonl", string.Join('\n', lines[..6]));
        _world.Write("more/test_sft.jsonl", lines[0]);
        (string, string)[] Mixed(string share) =>
            [("dataset_mixer", $"{{{_world.PathOf("hub")}: {share}, {_world.PathOf("more")}: 1.0}}"), ("dataset_splits", "[train_sft, test_sft]"), ("num_train_epochs", "2")];
        var notes = new Notes();
        Assert.Equal(6, _world.Run("sft", "straight", notes, more: Mixed("0.5")).Steps);
        Assert.Contains(notes.Lines, line => line.StartsWith("training data: 10 conversations", StringComparison.Ordinal));
        Assert.Contains(notes.Lines, line => line.StartsWith("held-out data: 4 conversations", StringComparison.Ordinal));

        // The same mix goes on to the same bytes, and another one does not go on.
        using (var stop = new StopAfter(3)) Assert.True(_world.Run("sft", "stopped", stop, more: Mixed("0.5")).Interrupted);
        Assert.Contains("dataset_mixer", Assert.Throws<UserErrorException>(() => _world.Run("sft", "stopped", more: Mixed("0.6"))).Message);
        _world.Run("sft", "stopped", more: Mixed("0.5"));
        Directory.Delete(_world.PathOf("stopped/checkpoint-3"), recursive: true);
        Same("straight", "stopped");
    }

    [Theory]
    [InlineData("false")]
    [InlineData("true")]
    public void Plain_text_is_learnt_with_or_without_packing(string packing)
    {
        var rows = _world.Write("text.jsonl", string.Concat(Enumerable.Range(0, 12).Select(i => $$"""{"text": "The oak of {{i}} is old."}""" + "\n")));
        var notes = new Notes();
        _world.Run("sft", "out", notes, more: [("dataset", rows), ("packing", packing), ("max_seq_length", "8")]);
        Assert.Contains(notes.Lines, line => line.StartsWith("training data: 11 conversations", StringComparison.Ordinal));
    }

    [Fact]
    public void Plain_text_has_no_words_of_the_assistant()
    {
        var rows = _world.Write("text.jsonl", """{"text": "The oak is old."}""");
        Assert.Equal($"{rows}, line 1, field 'text': found a text without turns, expected a conversation with an assistant turn, as assistant_only_loss is true",
            Assert.Throws<BadRowException>(() => _world.Run("sft", "out", more: [("dataset", rows), ("assistant_only_loss", "true"), ("eval_fraction", "0"), ("eval_strategy", "no")])).Message);
    }

    private void Same(string expected, string actual)
    {
        var (left, right) = (_world.Bytes(expected), _world.Bytes(actual));
        Assert.Equal(left.Keys.Order(StringComparer.Ordinal), right.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, bytes) in left)
            if (Path.GetFileName(name) != "trainer_state.json") Assert.True(bytes.AsSpan().SequenceEqual(right[name]), $"{name} differs");
    }

    private sealed class Notes : ITrainingObserver
    {
        public List<string> Lines { get; } = [];

        public void OnNote(string text) => Lines.Add(text);

        public void OnStart(TrainingPlan plan) { }

        public void OnStep(StepReport report) { }

        public void OnEvaluation(EvaluationReport report) { }

        public void OnCheckpoint(string path, int afterStep) { }

        public void OnEnd(TrainingSummary summary) { }
    }
}
