using Zephyr.Data;
using Zephyr.Data.Sources;

namespace Zephyr.Tests.Data.Sources;

public sealed class ConversationSchemaTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(
        """{"messages": [{"role": "system", "content": "S"}, {"content": "Q", "role": "user"}, {"role": "assistant", "content": "A"}]}""",
        "system:S user:Q assistant:A")]
    [InlineData("""{"conversations": [{"from": "system", "value": "S"}, {"from": "human", "value": "Q"}, {"from": "gpt", "value": "A"}]}""",
        "system:S user:Q assistant:A")]
    [InlineData("""{"id": "1", "data": ["Q", "A", "Q2", "A2"]}""", "user:Q assistant:A user:Q2 assistant:A2")]
    [InlineData("""{"prompt": "Q", "completion": "A"}""", "user:Q assistant:A")]
    [InlineData("""{"prompt": [{"role": "user", "content": "Q"}], "completion": [{"role": "assistant", "content": "A"}]}""",
        "user:Q assistant:A")]
    [InlineData("""{"prompt": "-", "messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": ""}, {"role": "tool", "content": "T"}]}""",
        "user:Q assistant: tool:T")]
    [InlineData("""{"messages": [{"role": "assistant", "content": "A"}]}""", "assistant:A")]
    [InlineData("""{"text": "-", "messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}""", "user:Q assistant:A")]
    public void Each_form_of_a_dialogue_is_read(string row, string expected) =>
        Assert.Equal(expected, string.Join(" ", Parse(row).Messages.Select(message => $"{message.Role}:{message.Content}")));

    [Fact]
    public void A_text_has_no_turns()
    {
        var row = Parse("""{"text": "<|user|>\nQ</s>", "source": "x"}""");
        Assert.Equal("<|user|>\nQ</s>", row.Text);
        Assert.Empty(row.Messages);
    }

    [Theory]
    [InlineData("""{"messages": []}""", "messages", "an empty list", "a list of {role, content} messages")]
    [InlineData("""{"messages": null}""", "messages", "null", "a list of {role, content} messages")]
    [InlineData("""{"messages": "Q"}""", "messages", "the text \"Q\"", "a list of {role, content} messages")]
    [InlineData("""{"messages": [{"role": "user", "content": "Q"}, "A"]}""", "messages[1]", "the text \"A\"", "a message {role, content}")]
    [InlineData("""{"messages": [{"role": "user", "content": null}]}""", "messages[0].content", "null", "a text")]
    [InlineData("""{"messages": [{"role": "user", "content": ["Q"]}]}""", "messages[0].content", "a list of 1", "a text")]
    [InlineData("""{"messages": [{"role": 3, "content": "Q"}]}""", "messages[0].role", "the number 3", "a text")]
    [InlineData("""{"messages": [{"rol": "user", "content": "Q"}]}""", "messages[0].role", "no such field (rol, content)", "a text")]
    [InlineData("""{"messages": [{"role": "user", "content": "Q"}]}""", "messages", "the roles user", "an assistant turn to learn from")]
    [InlineData("""{"messages": [{"role": "Human", "content": "Q"}, {"role": "assistant", "content": "A"}]}""", "messages", "the roles Human, assistant",
        "a user turn: the chat template writes system, user and assistant only")]
    [InlineData("""{"conversations": [{"from": "bot", "value": "A"}]}""", "conversations[0].from", "the text \"bot\"",
        "human, gpt or system")]
    [InlineData("""{"data": ["Q", 7]}""", "data[1]", "the number 7", "a text")]
    [InlineData("""{"text": null}""", "text", "null", "a text")]
    [InlineData("""{"text": ""}""", "text", "an empty text", "a text to learn from")]
    [InlineData("""{"prompt": 1, "completion": "A"}""", "prompt", "the number 1", "a text or a list of {role, content} messages")]
    public void A_bad_field_is_named_with_its_path(string row, string field, string found, string expected) =>
        Assert.Equal($"{_folder.Path}/rows.jsonl, line 1, field '{field}': found {found}, expected {expected}",
            Assert.Throws<BadRowException>(() => Parse(row)).Message);

    [Fact]
    public void Columns_that_fit_no_form_are_listed() =>
        Assert.Equal(
            $"{_folder.Path}/rows.jsonl, line 1: found the columns question, answer, expected messages [{{role, content}}]; "
            + "or conversations [{from, value}]; or prompt + completion; or data [text] (raw UltraChat); or text (learnt as it stands)",
            Assert.Throws<BadRowException>(() => Parse("""{"question": "Q", "answer": "A"}""")).Message);

    [Fact]
    public void A_parquet_file_of_other_columns_is_refused_at_its_first_row()
    {
        var file = SharedFolder.PathOf("data/parquet/verl_arith_test_arrow18.parquet");
        Assert.StartsWith($"{file}, row 1: found the columns prompt, expected messages",
            Assert.Throws<BadRowException>(() => ConversationSchema.Read([file]).First()).Message);
    }

    private Conversation Parse(string row) => ConversationSchema.Read([_folder.Write("rows.jsonl", row)]).Single();
}
