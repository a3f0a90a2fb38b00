using System.Text.Json;
using Zephyr.Cli;
using Zephyr.Data.Batches;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Data.Text;

namespace Zephyr.Tests.Cli;

/// <summary>zephyr inspect data: what the trainer sees, on rows of a few words over a, b, c.</summary>
public sealed class InspectDataTests : IDisposable
{
    private const string Legend = "+ marks the tokens that the loss asks for; tokens stand apart, ▁ is a space and ⏎ a newline in them\n";

    private static readonly string[] Answers = ["abc", "é\nb", "a", "bc aab", "cc"];
    private readonly TempFolder _folder = new();
    private readonly MistralTokenizer _tokenizer = TinyTokenizer.Create();
    private readonly string _dialogues, _pairs;

    public InspectDataTests()
    {
        TokenizerFiles.Write(_folder.Path, _tokenizer, 64);
        _dialogues = Rows("dialogues.jsonl", Answers.Select(answer => new { prompt = "ab", completion = answer }));
        _pairs = Rows("pairs.jsonl", Answers.Select(answer => new { prompt = "abc abc", chosen = answer, rejected = "b" }));
    }

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_conversation_shows_who_says_each_token_and_which_are_labels()
    {
        var run = Sft("--rows", "1", "--start", "2", "--assistant_only_loss");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(Legend +
            $"""

            example 2: {_dialogues}, line 2
              document: 34 tokens, 5 labels
                template    <s> ▁ <| u s e r |> ⏎
                user        ab </s>
                template    ▁ ⏎
                template    <| a s s i s t a n t |> ⏎
                assistant + é ⏎
                assistant + b </s>
                template    ▁ ⏎

            """.ReplaceLineEndings("\n").Replace("34 tokens, 5", $"{Whole(1).Length} tokens, 4", StringComparison.Ordinal), run.Output);
    }

    [Fact]
    public void A_pair_shows_its_parts_and_what_was_cut()
    {
        var run = Dpo("--rows", "1", "--max_length", "20", "--max_prompt_length", "17", "--start", "4");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(Legend +
            $"""

            example 4: {_pairs}, line 4
              prompt: 17 tokens, 0 labels, 9 more were cut
                template    <s>
                continued   ▁abc </s>
                template    ▁ ⏎
                template    <| a s s i s t a n t |> ⏎
              chosen: 3 tokens, 3 labels, 1 more were cut
                assistant + bc ▁a ab
              rejected: 2 tokens, 2 labels
                assistant + b </s>

            """.ReplaceLineEndings("\n"), run.Output);
    }

    [Fact]
    public void Packed_blocks_show_where_documents_begin_and_are_those_of_the_trainer()
    {
        var json = Document(Sft("--packing", "--max_length", "40", "--rows", "2", "--start", "2", "--json"));
        var blocks = Packing.Wrapped(Enumerable.Range(0, Answers.Length).Select(Tokenized), 40, _tokenizer.EosId, assistantOnly: false).Sequences;
        Assert.Equal(2, json.GetArrayLength());
        for (var i = 0; i < 2; i++)
        {
            var parts = json[i].GetProperty("parts").EnumerateArray().ToList();
            Assert.Equal(blocks[i + 1].Ids, parts.SelectMany(part => part.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())));
            Assert.False(parts[0].GetProperty("labels")[0].GetBoolean());
            Assert.All(parts.SelectMany(part => part.GetProperty("labels").EnumerateArray()).Skip(1), label => Assert.True(label.GetBoolean()));
            foreach (var part in parts.Skip(1)) Assert.Equal(_tokenizer.BosId, part.GetProperty("ids")[0].GetInt32());
        }
        // Each document's tokens stand in one or two parts; the row says where they are from.
        foreach (var part in json.EnumerateArray().SelectMany(block => block.GetProperty("parts").EnumerateArray()))
        {
            var ids = part.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32()).ToArray();
            Assert.True(((int[])[.. Whole(part.GetProperty("row").GetInt32() - 1), _tokenizer.EosId]).AsSpan().IndexOf(ids) >= 0);
        }
        var text = Sft("--packing", "--max_length", "40", "--rows", "1").Output;
        Assert.Contains($"example 1: 40 tokens of 2 documents\n  document 1: {_dialogues}, line 1: ", text);
    }

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void The_decoded_pieces_are_the_text(string stage)
    {
        foreach (var example in Document(stage == "sft" ? Sft("--json", "--rows", "9") : Dpo("--json", "--rows", "9")).EnumerateArray())
        {
            var parts = example.GetProperty("parts").EnumerateArray().ToList();
            // A pair's answers follow its prompt, one at a time.
            foreach (var last in parts.Skip(1).DefaultIfEmpty(parts[0]))
            {
                JsonElement[] sequence = parts.Count == 1 ? [last] : [parts[0], last];
                var ids = sequence.SelectMany(part => part.GetProperty("ids").EnumerateArray().Select(id => id.GetInt32())).ToArray();
                var texts = string.Concat(sequence.SelectMany(part => part.GetProperty("texts").EnumerateArray().Select(text => text.GetString())));
                Assert.Equal(_tokenizer.Decode(ids, skipSpecialTokens: false), texts);
                Assert.Equal(texts, string.Concat(sequence.Select(part => part.GetProperty("text").GetString())));
            }
            Assert.All(parts, part => Assert.Single(new[] { "ids", "pieces", "texts", "roles", "labels" }.Select(name => part.GetProperty(name).GetArrayLength()).Distinct()));
        }
    }

    [Fact]
    public void No_more_rows_are_read_than_are_shown()
    {
        File.AppendAllText(_dialogues, "{\"prompt\": 3}\n");
        Assert.Equal(0, Sft("--rows", "2", "--start", "3").Code);
        Assert.Equal(0, Sft("--rows", "2", "--packing", "--max_length", "20").Code);
        var run = Sft("--rows", "6");
        Assert.Equal(2, run.Code);
        Assert.StartsWith($"zephyr: {_dialogues}, line 6: found ", run.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void What_the_trainer_never_sees_is_said()
    {
        Assert.EndsWith($"\nexample 1: {_dialogues}, line 1: left out: nothing to learn from in its first 20 of {Whole(0).Length} tokens\n",
            Sft("--rows", "1", "--max_length", "20", "--assistant_only_loss").Output, StringComparison.Ordinal);
        Assert.Equal("zephyr: --start 6: there are fewer examples than that; expected the number of one, from 1\n", Sft("--start", "6").Error);
        Assert.Contains("leave no block of max_seq_length 4000 with something to learn from", Sft("--packing", "--max_length", "4000").Error);
    }

    [Fact]
    public void A_row_that_a_run_would_refuse_is_refused()
    {
        var texts = Rows("texts.jsonl", [new { text = "abc" }]);
        var run = CliRun.Of("inspect", "data", "--stage", "sft", "--model_name_or_path", _folder.Path, "--dataset", texts, "--assistant_only_loss");
        Assert.Equal(new(2, "", $"zephyr: {texts}, line 1, field 'text': found a text without turns, expected a conversation with an assistant turn, "
            + "as assistant_only_loss is true\n"), run);
    }

    [Fact]
    public void Scored_answers_show_the_pair_that_they_make()
    {
        var feedback = Rows("feedback.jsonl", new[]
        {
            new { instruction = "a?", completions = new[] { Answer("m1", "b", 3), Answer("m2", "c", 9), Answer("m3", "", 5) } },
            new { instruction = "b?", completions = new[] { Answer("m1", "b", 9), Answer("m2", "c", 9), Answer("m3", "a", 5) } },
        });
        var run = CliRun.Of("inspect", "data", "--feedback", feedback);
        var lines = run.Output.Split('\n').Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))).Where(line => line.Length > 0 && line[0] != '─');
        Assert.Equal(
        [
            $"example 1: {feedback}, line 1: a pair with a margin of 6", "a?", "model score becomes answer",
            "m1 3 rejected b", "m2 9 chosen c", "m3 - left out: empty answer",
            $"example 2: {feedback}, line 2: no pair: best score tied", "b?", "model score becomes answer", "m1 9 b", "m2 9 c", "m3 5 a",
        ], lines);
        var json = Document(CliRun.Of("inspect", "data", "--feedback", feedback, "--json"));
        Assert.Equal("chosen", json[0].GetProperty("answers")[1].GetProperty("becomes").GetString());
        Assert.Equal("best score tied", json[1].GetProperty("left_out").GetString());
    }

    [Fact]
    public void Colours_are_for_terminals_only()
    {
        Assert.DoesNotContain("\e", Sft().Output, StringComparison.Ordinal);
        Assert.DoesNotContain("\e", On(new TerminalTraits(() => 60, Redraws: true, Colors: false)), StringComparison.Ordinal);
        var colored = On(new TerminalTraits(() => 60, Redraws: true, Colors: true));
        Assert.Contains("\e[", colored, StringComparison.Ordinal);
        Assert.Contains("<|", colored, StringComparison.Ordinal);
        Assert.All(System.Text.RegularExpressions.Regex.Replace(colored, "\e\\[[0-9;]*m", "").Split('\n'), line => Assert.True(line.Length <= 60, line));
    }

    [Fact]
    public void A_config_says_by_its_keys_whose_it_is()
    {
        var file = _folder.Write("x.yaml", $"model_name_or_path: {_folder.Path}\ndataset: {_pairs}\nbeta: 0.1\nlerning_rate: 1\n");
        Assert.Equal(new(2, "", $"{file}:4: lerning_rate: unknown key; did you mean learning_rate?\n"), CliRun.Of("inspect", "data", "--config", file));
        File.WriteAllText(file, $"model_name_or_path: {_folder.Path}\ndataset: {_pairs}\n");
        Assert.Equal(2, CliRun.Of("inspect", "data", "--config", file).Code);
        Assert.Contains("\n  chosen: ", CliRun.Of("inspect", "data", "--config", file, "--stage", "dpo").Output);
    }

    private static object Answer(string model, string response, int score) => new { model, response, overall_score = score };

    private TokenizedConversation Tokenized(int row) =>
        new ConversationTokenizer(_tokenizer, insertSystem: false).Tokenize(ConversationSchema.Read([_dialogues]).ElementAt(row));

    private int[] Whole(int row) => Tokenized(row).Ids;

    private CliRun Sft(params string[] more) => CliRun.Of([.. SftArgs, .. more]);

    private CliRun Dpo(params string[] more) => CliRun.Of(["inspect", "data", "--stage", "dpo", "--model_name_or_path", _folder.Path, "--dataset", _pairs, .. more]);

    private string[] SftArgs => ["inspect", "data", "--stage", "sft", "--model_name_or_path", _folder.Path, "--dataset", _dialogues];

    private string On(TerminalTraits terminal)
    {
        using StringWriter output = new() { NewLine = "\n" }, error = new() { NewLine = "\n" };
        Assert.Equal(0, Program.Run(SftArgs, new CliConsole(output, error, terminal), TestContext.Current.CancellationToken));
        return output.ToString();
    }

    private static JsonElement Document(CliRun run)
    {
        Assert.True(run.Code == 0, run.Error);
        return JsonDocument.Parse(run.Output).RootElement;
    }

    private string Rows<T>(string name, IEnumerable<T> rows) => _folder.Write(name, string.Concat(rows.Select(row => JsonSerializer.Serialize(row) + "\n")));
}
