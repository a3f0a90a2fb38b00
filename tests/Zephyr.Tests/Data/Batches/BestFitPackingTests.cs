using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Batches;

/// <summary>packing_strategy bfd and bfd_split: every token once, no row too long, every document by itself.</summary>
public class BestFitPackingTests
{
    [Theory]
    [InlineData(8), InlineData(16), InlineData(200)]
    public void Bfd_holds_the_beginning_of_every_document_once(int length)
    {
        var documents = Documents(80);
        var packed = Packing.BestFit(documents, length, assistantOnly: false, split: false);
        Assert.Equal(documents.Select(document => Text(document.Ids.Take(length))).Order(), TextsOf(packed).Order());
        Assert.All(packed.Sequences, row => Assert.InRange(row.Ids.Length, 1, length));
        Assert.Equal((80, documents.Count(document => document.Ids.Length > length), 0, documents.Sum(document => (long)Math.Max(0, document.Ids.Length - length))),
            (packed.Documents, packed.TooLong, packed.WithoutLabels, packed.TokensDropped));
    }

    [Theory]
    [InlineData(8), InlineData(16), InlineData(200)]
    public void Bfd_split_holds_every_token_once(int length)
    {
        var documents = Documents(80);
        var packed = Packing.BestFit(documents, length, assistantOnly: false, split: true);
        var parts = documents.SelectMany(document => document.Ids.Chunk(length)).ToList();
        // The last token of a document, alone behind a full part, follows nothing that could predict it.
        var kept = parts.Where(part => part.Length > 1).Select(part => Text(part)).Order().ToList();
        Assert.Equal(kept, TextsOf(packed).Order());
        Assert.All(packed.Sequences, row => Assert.InRange(row.Ids.Length, 1, length));
        Assert.Equal((80, documents.Count(document => document.Ids.Length > length), parts.Count - kept.Count, 0L),
            (packed.Documents, packed.TooLong, packed.WithoutLabels, packed.TokensDropped));
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public void Labels_of_the_assistant_stay_with_their_tokens(bool split)
    {
        var documents = Documents(60);
        var packed = Packing.BestFit(documents, 12, assistantOnly: true, split);
        var expected = documents.SelectMany(document => document.Ids.Zip(document.AssistantMask).Chunk(12).Take(split ? int.MaxValue : 1))
            .Where(part => part.Skip(1).Any(token => token.Second)).ToList();
        Assert.Equal(expected.Select(part => Text(part)).Order(),
            packed.Sequences.SelectMany(row => row.Documents).Select(part => Text(part.Ids.Zip(part.Supervised!))).Order());
        Assert.Equal(expected.Sum(part => part.Skip(1).Count(token => token.Second)), packed.Sequences.Sum(row => row.LabelCount));
        Assert.True(packed.WithoutLabels > 0);
    }

    [Fact]
    public void The_same_documents_give_the_same_rows()
    {
        var (one, other) = (Packing.BestFit(Documents(80), 16, false, true), Packing.BestFit(Documents(80), 16, false, true));
        Assert.Equal(one.Sequences.Select(row => Text(row.Ids)), other.Sequences.Select(row => Text(row.Ids)));
        Assert.Equal(one.Sequences.Select(row => Text(row.DocumentOffsets ?? [])), other.Sequences.Select(row => Text(row.DocumentOffsets ?? [])));
    }

    /// <summary>TRL adds nothing between documents, and neither do we: each row is its documents as they were tokenized.</summary>
    [Fact]
    public void A_packed_row_is_laid_out_as_its_documents()
    {
        var row = Assert.Single(Packing.BestFit([Document(3, 10), Document(5, 20)], 8, false, false).Sequences);
        Assert.Equal([1, 20, 21, 22, 23, 1, 10, 11], row.Ids);
        Assert.Equal([0, 5, 8], row.DocumentOffsets!);
        Assert.Equal(6, row.LabelCount);

        var batch = LabelledBatch.Of([row, new TokenSequence([1, 7, 8])]);
        Assert.Equal([0, 5, 8, 11], batch.Batch.Offsets);
        Assert.Equal([0, 1, 2, 3, 4, 0, 1, 2, 0, 1, 2], batch.Batch.Positions);
        // The first token of a document is no label: nothing of its own stands before it.
        Assert.Equal([20, 21, 22, 23, 10, 11, 7, 8], batch.Labels);
        Assert.Equal([0, 1, 2, 3, 5, 6, 8, 9], batch.Rows);
        Assert.Equal([0, 4, 6, 8], batch.LabelOffsets);
    }

    [Fact]
    public void A_row_of_one_document_is_that_document()
    {
        var row = Assert.Single(Packing.BestFit([Document(5, 20)], 8, false, false).Sequences);
        Assert.Null(row.DocumentOffsets);
        Assert.Empty(Packing.BestFit([], 8, false, false).Sequences);
    }

    [Fact]
    public void Supervised_and_unmarked_documents_may_share_a_row()
    {
        var row = TokenSequence.OfDocuments([new([1, 2, 3]), new([4, 5, 6], [true, false, true])]);
        Assert.Equal(3, row.LabelCount);
        Assert.Equal([true, true, true, true, false, true], row.Supervised!);
    }

    private static IEnumerable<string> TextsOf(PackedSequences packed) => packed.Sequences.SelectMany(row => row.Documents).Select(document => Text(document.Ids));

    private static string Text<T>(IEnumerable<T> items) => string.Join(',', items);

    /// <summary>Documents of 2 to 40 tokens, each of ids of its own; the assistant speaks in the second part of most.</summary>
    private static List<TokenizedConversation> Documents(int count)
    {
        var random = new SeededRandom(3);
        return [.. Enumerable.Range(0, count).Select(i =>
        {
            var length = 2 + random.NextInt(39);
            return Document(length, 100 * (i + 1), random.NextInt(length + 3));
        })];
    }

    private static TokenizedConversation Document(int length, int firstId, int firstLabel = 0) => new(new("rows", 1, true),
        [1, .. Enumerable.Range(firstId, length - 1)], [.. Enumerable.Range(0, length).Select(i => i >= firstLabel)]);
}
