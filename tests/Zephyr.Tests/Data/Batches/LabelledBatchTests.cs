using Zephyr.Data.Batches;

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
