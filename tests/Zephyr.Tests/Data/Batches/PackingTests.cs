using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Text;

namespace Zephyr.Tests.Data.Batches;

public class PackingTests
{
    private const int End = 2;

    [Theory]
    [InlineData(4)]
    [InlineData(7)]
    [InlineData(64)]
    public void Wrapped_blocks_are_the_documents_end_to_end(int length)
    {
        var documents = Documents(20);
        var packed = Packing.Wrapped(documents, length, End, assistantOnly: false);
        int[] stream = [.. documents.SelectMany(document => (int[])[.. document.Ids, End])];
        Assert.All(packed.Sequences, block => Assert.Equal(length, block.Ids.Length));
        Assert.Equal(stream[..(stream.Length / length * length)], packed.Sequences.SelectMany(block => block.Ids));
        Assert.Equal((20, 0, 0, stream.Length % length), (packed.Documents, packed.TooLong, packed.WithoutLabels, (int)packed.TokensDropped));
        // Loss on all tokens: every one of a block but its first.
        Assert.All(packed.Sequences, block => Assert.Equal(length - 1, block.LabelCount));
    }

    [Fact]
    public void A_text_that_ends_by_itself_gets_no_second_end()
    {
        TokenizedConversation text = new(default, [1, 5, 6, End], new bool[4]), dialogue = new(default, [1, 7], new bool[2]);
        var packed = Packing.Wrapped([text, dialogue, text], 11, End, assistantOnly: false);
        Assert.Equal([1, 5, 6, End, 1, 7, End, 1, 5, 6, End], Assert.Single(packed.Sequences).Ids);
    }

    [Fact]
    public void Wrapped_blocks_of_assistant_labels_keep_the_mask_in_step()
    {
        var documents = Documents(20);
        var packed = Packing.Wrapped(documents, 6, End, assistantOnly: true);
        var labels = documents.SelectMany(document => (bool[])[.. document.AssistantMask, false]).ToArray();
        var blocks = labels.Chunk(6).Where(block => block.Length == 6).ToList();
        var kept = blocks.Where(block => block.Skip(1).Any(label => label)).ToList();
        Assert.Equal(kept, packed.Sequences.Select(block => block.Supervised!));
        Assert.True(packed.WithoutLabels > 0);
        Assert.Equal(blocks.Count - kept.Count, packed.WithoutLabels);
    }

    /// <summary>The recipe's layout (TRL 0.7): &lt;s&gt;, the rendering, which ends in &lt;/s&gt; and a newline, and one &lt;/s&gt; more.</summary>
    [Fact]
    public void A_document_in_a_block_has_the_recipes_layout()
    {
        var tokenizer = TinyTokenizer.Create();
        var tokenized = new ConversationTokenizer(tokenizer, insertSystem: false)
            .Tokenize(new(new("rows", 1, true), [new(ChatMessage.User, "a"), new(ChatMessage.Assistant, "b")]));
        var packed = Packing.Wrapped([tokenized, tokenized], 2 * (tokenized.Ids.Length + 1), tokenizer.EosId, assistantOnly: false);
        var block = Assert.Single(packed.Sequences).Ids;
        Assert.Equal(tokenizer.Encode("<|user|>\na</s>\n<|assistant|>\nb</s>\n", addBos: true), block[..tokenized.Ids.Length]);
        Assert.Equal([tokenizer.EosId, tokenizer.BosId], block[tokenized.Ids.Length..(tokenized.Ids.Length + 2)]);
        Assert.Equal(tokenizer.EosId, block[^1]);
    }

    [Fact]
    public void Without_packing_each_conversation_is_cut_by_itself()
    {
        var packed = Packing.OneEach([Document(9, 5), Document(4, 2), Document(12, 10)], 8, assistantOnly: true);
        Assert.Equal([8, 4], packed.Sequences.Select(sequence => sequence.Ids.Length));
        Assert.Equal([3, 2], packed.Sequences.Select(sequence => sequence.LabelCount));
        Assert.Equal((3, 2, 1, 5L), (packed.Documents, packed.TooLong, packed.WithoutLabels, packed.TokensDropped));
        Assert.All(Packing.OneEach([Document(9, 5)], 8, assistantOnly: false).Sequences, sequence => Assert.Equal(7, sequence.LabelCount));
    }

    [Fact]
    public void Nothing_in_gives_nothing_out()
    {
        Assert.Empty(Packing.OneEach([], 8, false).Sequences);
        Assert.Empty(Packing.Wrapped([], 8, End, false).Sequences);
    }

    private static List<TokenizedConversation> Documents(int count)
    {
        var random = new SeededRandom(3);
        return [.. Enumerable.Range(0, count).Select(_ =>
        {
            var length = 2 + random.NextInt(15);
            return Document(length, random.NextInt(length));
        })];
    }

    private static TokenizedConversation Document(int length, int firstLabel) => new(new("rows", 1, true),
        [1, .. Enumerable.Range(10, length - 1)], [.. Enumerable.Range(0, length).Select(i => i >= firstLabel)]);
}
