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
}
