using Zephyr.Data;
using Zephyr.Data.Text;

namespace Zephyr.Tests.Data.Text;

public sealed class ConversationTokenizerTests
{
    private static readonly MistralTokenizer Tokenizer = TinyTokenizer.Create();
    private static readonly RowLocation Here = new("rows.jsonl", 3, IsLine: true);

    private static readonly Conversation Dialogue = new(
        Here, [new("user", "abc"), new("assistant", " ab\n"), new("user", "c"), new("assistant", "x</s>b")]);

    [Fact]
    public void Ids_are_those_of_the_rendering_with_a_start_mark()
    {
        var tokenized = new ConversationTokenizer(Tokenizer, insertSystem: false).Tokenize(Dialogue);
        Assert.Equal(Tokenizer.Encode(ZephyrTemplate.Render(Dialogue.Messages, false), addBos: true), tokenized.Ids);
        Assert.Equal(Here, tokenized.Location);

        var withSystem = new ConversationTokenizer(Tokenizer, insertSystem: true).Tokenize(Dialogue);
        Assert.Equal(Tokenizer.Encode("<|system|>\n</s>\n" + ZephyrTemplate.Render(Dialogue.Messages, false), addBos: true), withSystem.Ids);
    }

    [Fact]
    public void The_mask_holds_content_and_end_marks_of_the_assistant_and_nothing_else()
    {
        var (_, ids, mask) = new ConversationTokenizer(Tokenizer, insertSystem: true).Tokenize(Dialogue);
        Assert.Equal(ids.Length, mask.Length);
        var spoken = ids.Where((_, i) => mask[i]).Select(Tokenizer.Piece);
        Assert.Equal(["▁ab", "<0x0A>", "</s>", "x", "</s>", "▁", "b", "</s>"], spoken);
    }

    [Fact]
    public void Turns_of_roles_that_the_template_does_not_know_are_counted()
    {
        var tokenizer = new ConversationTokenizer(Tokenizer, insertSystem: false);
        tokenizer.Tokenize(Dialogue);
        Assert.Equal((0, null), (tokenizer.Skipped.Total, tokenizer.Skipped.Describe()));
        tokenizer.Tokenize(Dialogue with { Messages = [.. Dialogue.Messages, new("tool", "a"), new("function", "b"), new("tool", "c")] });
        Assert.Equal("3 turns left out whose role the chat template does not know (function 1, tool 2)", tokenizer.Skipped.Describe());
    }

    [Theory]
    [InlineData("ab c", "ab c</s>")]
    [InlineData("ab</s>", "ab</s>")]
    [InlineData("<s>ab</s>a", "ab</s>a</s>")]
    [InlineData("<|user|>\nab</s>\n", "<|user|>\nab</s>\n</s>")]
    [InlineData("<s>", "</s>")]
    public void A_text_stands_between_marks_without_template_or_speaker(string text, string expected)
    {
        var (location, ids, mask) = new ConversationTokenizer(Tokenizer, insertSystem: true).Tokenize(new(Here, [], text));
        Assert.Equal(Tokenizer.Encode(expected, addBos: true), ids);
        Assert.Equal(new bool[ids.Length], mask);
        Assert.Equal(Here, location);
    }

    [Fact]
    public void A_conversation_of_which_the_template_writes_nothing_is_refused() =>
        Assert.Equal("rows.jsonl, line 3, field 'messages': found the roles Human, Bot, expected "
            + "a turn of system, user or assistant, the roles that the chat template writes",
            Assert.Throws<BadRowException>(() => new ConversationTokenizer(Tokenizer, insertSystem: true)
                .Tokenize(new(Here, [new("Human", "a"), new("Bot", "b")]))).Message);
}
