using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;

namespace Zephyr.Tests.Data.Batches;

public class LabelledBatchTests
{
    [Fact]
    public void Rows_stand_one_before_their_labels()
    {
        var batch = LabelledBatch.Of([new([1, 5, 6, 2]), TokenSequence.OfAnswer([1, 7], [8, 2]), new([1, 9], [true, false])]);
        Assert.Equal([1, 5, 6, 2, 1, 7, 8, 2, 1, 9], batch.Batch.TokenIds);
        Assert.Equal([0, 1, 2, 3, 0, 1, 2, 3, 0, 1], batch.Batch.Positions);
        Assert.Equal([0, 4, 8, 10], batch.Batch.Offsets);
        Assert.Equal([0, 1, 2, 5, 6], batch.Rows);
        Assert.Equal([5, 6, 2, 8, 2], batch.Labels);
        Assert.Equal([0, 3, 5, 5], batch.LabelOffsets);
    }

    [Fact]
    public void Batches_end_to_end_are_the_batch_of_all_their_sequences()
    {
        TokenSequence[] sequences = [new([1, 5, 6, 2]), TokenSequence.OfAnswer([1, 7], [8, 2]), new([1, 9, 3])];
        var whole = LabelledBatch.Of(sequences);
        var joined = LabelledBatch.Join([LabelledBatch.Of(sequences[..1]), LabelledBatch.Of(sequences[1..])]);
        Assert.Equal([whole.Batch.TokenIds, whole.Batch.Positions, whole.Batch.Offsets, whole.Rows, whole.Labels, whole.LabelOffsets],
            new[] { joined.Batch.TokenIds, joined.Batch.Positions, joined.Batch.Offsets, joined.Rows, joined.Labels, joined.LabelOffsets });
        Assert.Null(joined.Batch.Prefixes);

        TokenizedPair[] pairs = [Pair([1, 2], [3], [4, 5]), Pair([6], [7, 8], [9])];
        var prompts = LabelledBatch.Join([.. pairs.Select(pair => SharedPrompt.Of([pair]) with { LabelWeights = [1, 2, 3] })]);
        Assert.Equal([new(0, 0), new(0, 2), new(0, 0), new(5, 1)], prompts.Batch.Prefixes!);
        Assert.Equal([1f, 2, 3, 1, 2, 3], prompts.LabelWeights!);
    }

    [Fact]
    public void A_selection_keeps_the_tokens_and_some_of_the_labels()
    {
        var batch = LabelledBatch.Of([new([1, 5, 6]), new([1, 7]), new([1, 8, 9, 2])]) with { LabelWeights = [1, 2, 3, 4, 5, 6] };
        var some = batch.OfGroups([2, 0]);
        Assert.Same(batch.Batch, some.Batch);
        Assert.Equal([5, 6, 7, 0, 1], some.Rows);
        Assert.Equal([8, 9, 2, 5, 6], some.Labels);
        Assert.Equal([0, 3, 5], some.LabelOffsets);
        Assert.Equal([4f, 5, 6, 1, 2], some.LabelWeights!);
    }

    private static TokenizedPair Pair(int[] prompt, int[] chosen, int[] rejected) => new(new RowLocation("pairs", 1, false), prompt, chosen, rejected);

    [Fact]
    public void The_first_token_is_never_a_label()
    {
        Assert.Equal(2, new TokenSequence([1, 2, 3]).LabelCount);
        Assert.Equal(1, new TokenSequence([1, 2, 3], [true, true, false]).LabelCount);
        Assert.Equal(0, new TokenSequence([1], [true]).LabelCount);
    }

    [Fact]
    public void A_batch_needs_sequences_with_tokens()
    {
        Assert.Throws<ArgumentException>(() => RaggedBatch.Of());
        Assert.Throws<ArgumentException>(() => RaggedBatch.Of([1], []));
    }
}
