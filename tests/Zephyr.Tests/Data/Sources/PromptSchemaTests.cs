using System.Text;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Sources;

public sealed class PromptSchemaTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("""{"instruction": "Q", "source": "flan", "completions": []}""", "Q", "flan")]
    [InlineData("""{"instruction": "Sum up:", "input": "a text", "output": "A"}""", "Sum up:\n\na text", "")]
    [InlineData("""{"instruction": "Q", "input": " "}""", "Q", "")]
    [InlineData("""{"prompt": "Q"}""", "Q", "")]
    [InlineData("""{"prompt": "Q", "chosen": "A", "rejected": "B"}""", "Q", "")]
    [InlineData("""{"prompt": [{"role": "system", "content": "S"}, {"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}, {"role": "user", "content": "R"}]}""", "Q", "")]
    [InlineData("""{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}""", "Q", "")]
    [InlineData("""{"conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}""", "Q", "")]
    [InlineData("""{"id": "1", "data": ["Q", "A", "R", "B"]}""", "Q", "")]
    [InlineData("""{"question_id": 81, "category": "writing", "turns": ["Q", "R"]}""", "Q", "")]
    [InlineData("""{"chosen": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}], "rejected": []}""", "Q", "")]
    [InlineData("""{"text": "Q"}""", "Q", "")]
    public void Any_row_has_a_prompt(string row, string prompt, string source)
    {
        var file = _folder.Write("rows.jsonl", row + "\n");
        Assert.Equal([new PromptRow(new(file, 1, IsLine: true), prompt, source)], PromptSchema.Read(PromptSchema.Resolve([file])));
    }

    [Fact]
    public void A_text_file_has_a_prompt_a_line()
    {
        var text = _folder.Write("b.txt", "\uFEFFone\r\n\n  two  \nthree");
        var rows = _folder.Write("a.jsonl", "{\"prompt\": \"four\"}\n");
        var files = PromptSchema.Resolve([text, rows]);
        Assert.Equal([("four", 1), ("one", 1), ("two", 3), ("three", 4)], PromptSchema.Read(files).Select(row => (row.Prompt, row.Location.Number)));
    }

    [Theory]
    [InlineData("rows.jsonl", """{"messages": [{"role": "assistant", "content": "A"}]}""", "ROWS, line 1, field 'messages': found the roles assistant, expected a user turn")]
    [InlineData("rows.jsonl", """{"conversations": [{"from": "gpt", "value": "A"}]}""", "ROWS, line 1, field 'conversations': found no turn from human, expected a user turn")]
    [InlineData("rows.jsonl", """{"data": []}""", "ROWS, line 1, field 'data': found an empty list, expected a list of texts, the user's first")]
    [InlineData("rows.txt", " \n", "ROWS: found no prompt, expected at least one line")]
    public void A_row_without_one_says_what_was_found(string name, string row, string message)
    {
        var file = _folder.Write(name, row);
        Assert.Equal(message.Replace("ROWS", file, StringComparison.Ordinal), Assert.ThrowsAny<UserErrorException>(() => PromptSchema.Read(PromptSchema.Resolve([file])).ToList()).Message);
    }

    [Fact]
    public void Bytes_that_are_no_text_are_named_with_their_line()
    {
        var file = _folder.Write("rows.txt", [.. Encoding.UTF8.GetBytes("one\n"), 0xC3, 0x28]);
        Assert.Equal($"{file}, line 2: found bytes that are not UTF-8 at offset 0, expected UTF-8 text", Assert.Throws<BadRowException>(() => PromptSchema.Read([file]).ToList()).Message);
        Assert.StartsWith($"{_folder.PathOf("none.txt")}: there is no such file", Assert.Throws<UserErrorException>(() => PromptSchema.Resolve([_folder.PathOf("none.txt")])).Message);
    }
}
