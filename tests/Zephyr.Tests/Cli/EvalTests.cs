using System.Text;
using System.Text.Json;
using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Tests.Pipeline;

namespace Zephyr.Tests.Cli;

/// <summary>zephyr eval perplexity and zephyr eval preferences on a tiny model.</summary>
public sealed class EvalTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void Perplexity_is_the_one_of_the_older_form_with_more_beside_it()
    {
        var rows = _world.PathOf("rows.jsonl");
        var run = CliRun.Of("eval", "perplexity", "--model", _world.Base, "--conversations", _world.Dialogues, "--max_length", "40", "--rows", rows, "--report", _world.PathOf("report.json"), "--json");
        Assert.Equal(0, run.Code);
        using var report = JsonDocument.Parse(run.Output);
        using var older = JsonDocument.Parse(CliRun.Of("eval", "--model", _world.Base, "--conversations", _world.Dialogues, "--max_length", "40", "--json").Output);
        var all = report.RootElement.GetProperty("all");
        Assert.Equal(older.RootElement.GetProperty("loss").GetDouble(), Value(all, "loss"), 1e-6);
        Assert.Equal(older.RootElement.GetProperty("tokens").GetDouble(), all.GetProperty("tokens").GetDouble());
        Assert.Equal(Math.Exp(Value(all, "loss")), Value(all, "perplexity"), 1e-9);
        Assert.InRange(Value(all, "loss"), all.GetProperty("loss").GetProperty("low").GetDouble(), all.GetProperty("loss").GetProperty("high").GetDouble());
        Assert.Equal(run.Output, File.ReadAllText(_world.PathOf("report.json")));

        var lines = File.ReadLines(rows).Select(line => JsonDocument.Parse(line).RootElement).ToList();
        Assert.Equal(Enumerable.Range(1, 11), lines.Select(line => line.GetProperty("row").GetInt32()));
        double tokens = lines.Sum(line => line.GetProperty("tokens").GetInt32()), bytes = lines.Sum(line => line.GetProperty("bytes").GetInt32());
        var nats = lines.Sum(line => line.GetProperty("loss").GetDouble() * line.GetProperty("tokens").GetInt32());
        Assert.Equal(nats / tokens, Value(all, "loss"), 1e-9);
        Assert.Equal(nats / Math.Log(2) / bytes, all.GetProperty("bits_per_byte").GetDouble(), 1e-9);
        var cut = report.RootElement.GetProperty("cut_conversations").GetInt32();
        Assert.InRange(cut, 1, 11);
        Assert.Equal(lines.Count(line => line.GetProperty("tokens").GetInt32() == 39), cut);
    }

    [Fact]
    public void Bytes_are_those_of_the_text_that_is_asked_for()
    {
        var tokenizer = MistralTokenizer.Load(_world.Base);
        ChatMessage[] turns = [new("user", "Grüße, wie geht's? 😀"), new("assistant", "  Gut.\n\nUnd dir?")];
        var tokenized = new ConversationTokenizer(tokenizer, insertSystem: false).Tokenize(new(new("a", 1, true), turns));
        var text = ZephyrTemplate.Render(turns, addGenerationPrompt: false).Replace("</s>", "", StringComparison.Ordinal);
        Assert.Equal(Encoding.UTF8.GetByteCount(text), new TokenBytes(tokenizer).Of(new TokenSequence(tokenized.Ids)));
        Assert.Equal(Encoding.UTF8.GetByteCount(turns[1].Content), new TokenBytes(tokenizer).Of(new TokenSequence(tokenized.Ids, tokenized.AssistantMask)));
    }

    [Fact]
    public void Preferences_are_those_of_the_older_form_with_more_beside_them()
    {
        _world.WriteModel("other", seed: 2);
        string[] about = ["--model", _world.Base, "--pairs", _world.Pairs, "--max_length", "64", "--max_prompt_length", "32", "--json"];
        using var report = JsonDocument.Parse(CliRun.Of(["eval", "preferences", .. about, "--ref_model", _world.PathOf("other")]).Output);
        using var older = JsonDocument.Parse(CliRun.Of(["eval", .. about, "--ref_model", _world.PathOf("other")]).Output);
        var all = report.RootElement.GetProperty("all");
        double Older(string name) => older.RootElement.GetProperty(name).GetDouble();
        Assert.Equal(Older("rewards/accuracies"), Value(all, "accuracy"), 1e-9);
        Assert.Equal(Older("rewards/margins"), Value(all, "margin"), 1e-5);
        Assert.Equal(Older("rewards/chosen"), all.GetProperty("chosen_reward").GetDouble(), 1e-5);
        Assert.Equal(Older("rewards/rejected"), all.GetProperty("rejected_reward").GetDouble(), 1e-5);
        Assert.Equal(Older("loss"), all.GetProperty("loss").GetDouble(), 1e-5);
        Assert.Equal(Older("loss"), all.GetProperty("calibration").GetProperty("negative_log_likelihood").GetDouble(), 1e-5);
        Assert.Equal(11, all.GetProperty("calibration").GetProperty("bins").EnumerateArray().Sum(bin => bin.GetProperty("count").GetInt32()));

        using var alone = JsonDocument.Parse(CliRun.Of(["eval", "preferences", .. about]).Output);
        Assert.False(alone.RootElement.GetProperty("has_reference").GetBoolean());
        Assert.Equal(0.1 * (Older("logps/chosen") - Older("logps/rejected")), Value(alone.RootElement.GetProperty("all"), "margin"), 1e-4);
        using var itself = JsonDocument.Parse(CliRun.Of(["eval", "preferences", .. about, "--ref_model", _world.Base]).Output);
        Assert.Equal((11, 0.0), (itself.RootElement.GetProperty("all").GetProperty("ties").GetInt32(), itself.RootElement.GetProperty("all").GetProperty("calibration").GetProperty("ece").GetDouble()));
    }

    [Fact]
    public void Figures_are_told_apart_by_a_column()
    {
        var file = _world.Write("sources.jsonl", """
            {"source": "b", "messages": [{"role": "user", "content": "Hello there."}, {"role": "assistant", "content": "Hi."}]}
            {"source": "a", "messages": [{"role": "user", "content": "Hello."}, {"role": "assistant", "content": "Good day to you."}]}
            {"source": "b", "messages": [{"role": "user", "content": "Well?"}, {"role": "assistant", "content": "Well."}]}
            """);
        using var report = JsonDocument.Parse(CliRun.Of("eval", "perplexity", "--model", _world.Base, "--conversations", file, "--max_length", "64", "--by", "source", "--json").Output);
        var sources = report.RootElement.GetProperty("sources").EnumerateArray().Select(source => (source.GetProperty("name").GetString(), source.GetProperty("rows").GetInt32())).ToList();
        Assert.Equal([("a", 1), ("b", 2)], sources);
        var wrong = CliRun.Of("eval", "perplexity", "--model", _world.Base, "--conversations", file, "--max_length", "64", "--by", "kind");
        Assert.Equal((2, $"zephyr: {file}, line 1: found the columns source, messages, expected a column kind, by which the figures are told apart\n"), (wrong.Code, wrong.Error));
        Assert.Equal((2, "--packing: cannot be combined with by or rows: a packed row is made of several\n"),
            CliRun.Of("eval", "perplexity", "--model", "m", "--conversations", file, "--packing", "true", "--by", "source") is var packed ? (packed.Code, packed.Error) : default);
    }

    [Fact]
    public void Packed_rows_and_tables_are_there_too()
    {
        var run = CliRun.Of("eval", "perplexity", "--model", _world.Base, "--conversations", _world.Dialogues, "--max_length", "64", "--packing", "--packing_strategy", "bfd");
        Assert.Equal(0, run.Code);
        Assert.Matches(@"all\s+\d+\s+\d+", run.Output);
        var pairs = CliRun.Of("eval", "preferences", "--model", _world.Base, "--pairs", _world.Pairs, "--max_length", "64", "--max_prompt_length", "32");
        Assert.Matches(@"all\s+11\s+[01]\.\d{4}", pairs.Output);
        Assert.Contains("mean confidence", pairs.Output);
    }

    private static double Value(JsonElement figures, string name) => figures.GetProperty(name).GetProperty("value").GetDouble();
}
