using Zephyr.Data.Sources;
using Zephyr.Tests.Pipeline;

namespace Zephyr.Tests.Cli;

/// <summary>What a person can put right: one sentence, exit code 2, and not a file written.</summary>
public sealed class RefusalTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void A_missing_dataset(string stage) =>
        Refused(stage, [("dataset", _world.PathOf("dialogs.jsonl"))],
            $"zephyr: {_world.PathOf("dialogs.jsonl")}: there is no such file or folder; the nearest name is {_world.Dialogues}\n");

    [Fact]
    public void A_typo_in_a_key_of_the_file()
    {
        var file = _world.Write("sft.yaml", "model_name_or_path: m\ndataset: d\noutput_dir: o\nlerning_rate: 1\n");
        var run = CliRun.Of("sft", "--config", file);
        Assert.Equal((2, $"{file}:4: lerning_rate: unknown key; did you mean learning_rate?\n"), (run.Code, run.Error));
    }

    [Theory]
    [InlineData(100)]
    [InlineData(5)]
    [InlineData(60000)]
    public void Truncated_weights(int length)
    {
        var weights = Path.Combine(_world.Base, "model.safetensors");
        using (var file = File.OpenWrite(weights)) file.SetLength(length);
        Assert.StartsWith($"zephyr: {weights} cannot be used: ", Refused("sft", []), StringComparison.Ordinal);
    }

    [Fact]
    public void A_parquet_file_of_other_columns()
    {
        var feedback = CliRun.Of("aif", "--feedback", _world.Feedback, "--output_dir", _world.PathOf("aif"), "--formats", "[parquet]");
        Assert.True(feedback.Code == 0, feedback.Error);
        var prefs = _world.PathOf("aif/train_prefs.parquet");
        var other = Path.Combine(SharedFolder.PathOf("data/parquet"), "verl_arith_test_arrow18.parquet");
        Assert.Contains(Path.GetFileName(other), Refused("dpo", [("dataset", other)]), StringComparison.Ordinal);
        Assert.NotEmpty(PreferenceSchema.Read([prefs]));
    }

    [Fact]
    public void A_bad_row_among_good_ones()
    {
        var rows = _world.Write("rows.jsonl", File.ReadAllText(_world.Dialogues) + "{\"messages\": [{\"role\": \"user\"}]}\n");
        Assert.StartsWith($"zephyr: {rows}, line 12, field 'messages[0]", Refused("sft", [("dataset", rows)]), StringComparison.Ordinal);
        Assert.Contains("line 12", Refused("dpo", [("dataset", _world.Write("pairs.jsonl", File.ReadAllText(_world.Pairs)
            + "{\"prompt\": \"a\", \"chosen\": \"b\", \"rejected\": \"\"}\n"))]), StringComparison.Ordinal);
    }

    [Fact]
    public void No_row_at_all()
    {
        var empty = _world.Write("empty.jsonl", "\n\n");
        foreach (var stage in new[] { "sft", "dpo" })
            Assert.StartsWith($"zephyr: {empty}: found no ", Refused(stage, [("dataset", empty), ("eval_fraction", "0"), ("eval_strategy", "no")]), StringComparison.Ordinal);
    }

    [Fact]
    public void Too_little_to_hold_anything_out()
    {
        var one = _world.Write("one.jsonl", File.ReadLines(_world.Dialogues).First() + "\n");
        Assert.Equal("zephyr: eval_fraction: 0.1 of 1 distinct prompts leaves none to train on; expected more rows, or an eval_dataset\n", Refused("sft", [("dataset", one)]));
    }

    [Fact]
    public void Too_little_text_for_one_block()
    {
        var rows = _world.Write("short.jsonl", "{\"prompt\": \"a\", \"completion\": \"b\"}\n");
        Assert.Matches("^zephyr: none of the 1 training conversations leaves a sequence to learn from: [0-9]+ tokens do not fill a block of max_seq_length 128, 0 have no supervised token\n$",
            Refused("sft", [("dataset", rows), ("packing", "true"), ("max_seq_length", "128"), ("eval_fraction", "0"), ("eval_strategy", "no")]));
    }

    [Theory]
    [InlineData("sft", "max_seq_length")]
    [InlineData("dpo", "max_length")]
    public void A_length_beyond_the_models_positions(string stage, string key) =>
        Refused(stage, [(key, "129")], $"zephyr: {key}: 129 is more than the model's max_position_embeddings (128 in {_world.Base})\n");

    [Fact]
    public void A_tokenizer_larger_than_the_embedding()
    {
        var small = _world.WriteModel("small", vocabulary: 999);
        Refused("sft", [("model_name_or_path", small)],
            $"zephyr: the tokenizer has 1000 pieces and {small} an embedding of 999 rows: expected a tokenizer that fits the model\n");
    }

    [Fact]
    public void A_conversation_that_leaves_no_room_for_an_answer_is_named()
    {
        var file = _world.Write("chats.jsonl", $$"""
            [{"role": "user", "content": "How old is the oak?"}]
            [{"role": "user", "content": "{{string.Join(' ', Enumerable.Repeat("oak", 200))}}"}]
            """);
        var run = CliRun.Of("generate", "--model", _world.Base, "--messages", file, "--max_new_tokens", "1");
        Assert.Equal(2, run.Code);
        Assert.Matches($"^zephyr: {file}, line 2: the prompt has [0-9]+ tokens, the model was made for 128 \\(max_position_embeddings\\)\n$", run.Error);
    }

    [Fact]
    public void A_folder_that_holds_a_run()
    {
        _world.Write("out/model.safetensors", "a model");
        Refused("sft", [], $"zephyr: output_dir: {_world.PathOf("out")} already holds a finished run; start over with overwrite_output_dir: true\n");
    }

    [Fact]
    public void The_model_folder_itself_as_output() =>
        Refused("sft", [("output_dir", _world.Base), ("overwrite_output_dir", "true")],
            $"zephyr: output_dir: {_world.Base} is model_name_or_path too; expected another folder, or what the run starts from would be lost\n");

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void A_checkpoint_that_is_none(string stage) =>
        Refused(stage, [("resume", "nowhere")], "zephyr: --resume nowhere: there is no trainer_state.json in it; expected auto, never or a checkpoint folder\n");

    private void Refused(string stage, (string, string)[] keys, string expected) => Assert.Equal(expected, Refused(stage, keys));

    private string Refused(string stage, (string Key, string Value)[] keys)
    {
        var before = Everything();
        var run = CliRun.Of([stage, .. _world.KeysOf(stage, "out", keys).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value })]);
        Assert.Equal((2, ""), (run.Code, run.Output));
        Assert.Equal(1, run.Error.Count(letter => letter == '\n'));
        // Found by a rehearsal too, in the same words.
        var rehearsed = CliRun.Of([stage, "--dry-run", .. _world.KeysOf(stage, "out", keys).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value })]);
        Assert.Equal((2, run.Error), (rehearsed.Code, rehearsed.Error));
        Assert.Equal(before, Everything());
        return run.Error;
    }

    private Dictionary<string, long> Everything() => Directory.EnumerateFileSystemEntries(_world.PathOf("."), "*", SearchOption.AllDirectories)
        .ToDictionary(path => path, path => File.Exists(path) ? new FileInfo(path).Length : 0);
}
