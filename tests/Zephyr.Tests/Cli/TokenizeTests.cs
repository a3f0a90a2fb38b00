using System.Text.Json;
using Zephyr.Data.Text;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Data.Text;
using Zephyr.Tests.Golden;

namespace Zephyr.Tests.Cli;

public sealed class TokenizeTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public TokenizeTests() => TokenizerFiles.Write(_folder.Path, TinyTokenizer.Create(), 64);

    [Fact]
    public void Conversations_are_the_ids_of_transformers()
    {
        var tokenizer = SharedFolder.PathOf("golden/tokenizer/mistral-7b-v0.1.tokenizer.model");
        using var golden = JsonDocument.Parse(File.ReadAllBytes(SharedFolder.PathOf("golden/tokenizer/chat.json")));
        var cases = golden.RootElement.GetProperty("cases").EnumerateArray().ToList();
        var file = _folder.Write("chat.jsonl",
            string.Concat(cases.Select(chat => JsonSerializer.Serialize(new { messages = chat.GetProperty("messages") }) + "\n")));
        foreach (var (options, field) in new (string[], string)[] { ([], "ids"), (["--add_special_tokens"], "ids_with_bos") })
        {
            var run = CliRun.Of(["tokenize", "--tokenizer", tokenizer, "--messages", file, "--json", .. options]);
            Assert.Equal((0, ""), (run.Code, run.Error));
            using var result = JsonDocument.Parse(run.Output);
            Assert.Equal(cases.Count, result.RootElement.GetArrayLength());
            foreach (var (expected, actual) in cases.Zip(result.RootElement.EnumerateArray()))
                Assert.Equal(GoldenModel.Ints(expected.GetProperty(field)), GoldenModel.Ints(actual.GetProperty("ids")).AsEnumerable());
        }
    }

    [Fact]
    public void A_text_is_one_object_and_conversations_are_a_list_of_them()
    {
        Assert.Equal("{\"ids\":[259,283],\"pieces\":[\"▁a\",\"x\"]}\n", Tokenize("--text", "ax", "--json"));
        Assert.Equal("{\"ids\":[1,259],\"pieces\":[\"<s>\",\"▁a\"]}\n", Tokenize("--text", "a", "--json", "--add_special_tokens"));
        Assert.Equal("{\"ids\":[],\"pieces\":[]}\n", Tokenize("--text", "", "--json"));
        var chat = _folder.Write("chat.jsonl", "[{\"role\": \"user\", \"content\": \"a\"}]\n");
        using var list = JsonDocument.Parse(Tokenize("--messages", chat, "--json"));
        using var prompted = JsonDocument.Parse(Tokenize("--messages", chat, "--json", "--add_generation_prompt"));
        var (turn, turnAndTag) = (list.RootElement[0], prompted.RootElement[0]);
        Assert.Equal(["ids", "pieces"], turn.EnumerateObject().Select(property => property.Name));
        Assert.True(GoldenModel.Ints(turnAndTag.GetProperty("ids")).AsSpan().StartsWith(GoldenModel.Ints(turn.GetProperty("ids"))));
        Assert.Equal("<0x0A>", turnAndTag.GetProperty("pieces")[turnAndTag.GetProperty("pieces").GetArrayLength() - 1].GetString());
    }

    [Fact]
    public void A_file_is_taken_whole_with_its_last_newline()
    {
        var file = _folder.Write("text.txt", "a\n");
        Assert.Equal("{\"ids\":[259,13],\"pieces\":[\"▁a\",\"<0x0A>\"]}\n", Tokenize("--text-file", file, "--json"));
    }

    [Fact]
    public void An_empty_system_turn_is_put_in_front_where_it_is_asked_for()
    {
        var chat = _folder.Write("chat.jsonl", "[{\"role\": \"user\", \"content\": \"a\"}]\n");
        var with = _folder.Write("with.jsonl", "[{\"role\": \"system\", \"content\": \"\"}, {\"role\": \"user\", \"content\": \"a\"}]\n");
        Assert.Equal(Tokenize("--messages", with, "--json"), Tokenize("--messages", chat, "--json", "--auto_insert_empty_system_msg"));
        Assert.NotEqual(Tokenize("--messages", with, "--json"), Tokenize("--messages", chat, "--json"));
    }

    [Theory]
    [InlineData("", ": found no conversation, expected at least one line with a list of {role, content} messages, or an object with messages")]
    [InlineData("[{\"role\": \"Human\", \"content\": \"a\"}]",
        ", line 1: found the roles Human, expected a turn of system, user or assistant, the roles that the chat template writes")]
    public void A_file_without_a_conversation_for_the_template_is_refused(string content, string expected)
    {
        var file = _folder.Write("chat.jsonl", content);
        foreach (var command in new[] { new[] { "tokenize", "--tokenizer", _folder.Path }, ["generate", "--model", _folder.Path] })
            Assert.Equal(new(2, "", $"zephyr: {file}{expected}\n"), CliRun.Of([.. command, "--messages", file]));
    }

    [Fact]
    public void The_table_pairs_ids_and_pieces()
    {
        var lines = Tokenize("--text", "ax").Split('\n')
            .Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))).Where(line => line.Length > 0);
        Assert.Equal(["id piece", "259 ▁a", "283 x"], lines.Where(line => !line.Contains('─')));
    }

    [Fact]
    public void What_cannot_be_read_is_named()
    {
        var absent = _folder.PathOf("absent.txt");
        var run = CliRun.Of("tokenize", "--tokenizer", _folder.Path, "--text-file", absent);
        Assert.Equal(new(2, "", $"zephyr: {absent}: there is no such file, expected a text file\n"), run);
        var latin = _folder.Write("latin.txt", [(byte)'a', 0xE9]);
        run = CliRun.Of("tokenize", "--tokenizer", _folder.Path, "--text-file", latin);
        Assert.Equal(new(2, "", $"zephyr: {latin}: found bytes that are not UTF-8 at offset 1, expected UTF-8 text (text file)\n"), run);
        run = CliRun.Of("tokenize", "--tokenizer", _folder.Path, "--text-file", _folder.Path);
        Assert.Equal(new(2, "", $"zephyr: {_folder.Path}: found a folder, expected a file (text file)\n"), run);
        run = CliRun.Of("tokenize", "--tokenizer", _folder.Path, "--messages", absent);
        Assert.Equal(new(2, "", $"zephyr: {absent}: there is no such file, expected a data file\n"), run);
        run = CliRun.Of("tokenize", "--tokenizer", _folder.PathOf("tokenizer.json"), "--text", "a");
        Assert.Equal(new(2, "", $"zephyr: {_folder.PathOf("tokenizer.json")}: found JSON, expected a SentencePiece model "
            + "(the tokenizer.model that Mistral models come with, not tokenizer.json)\n"), run);
    }

    public void Dispose() => _folder.Dispose();

    private string Tokenize(params string[] options)
    {
        var run = CliRun.Of(["tokenize", "--tokenizer", _folder.Path, .. options]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        return run.Output;
    }
}
