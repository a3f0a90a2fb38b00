using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Evaluation.Speed;
using Zephyr.Model;

namespace Zephyr.Tests.Evaluation.Speed;

public class MatrixProductsTests
{
    private static readonly MistralConfig Shape = new()
    {
        VocabSize = 100,
        HiddenSize = 8,
        IntermediateSize = 20,
        NumHiddenLayers = 3,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadDim = 2,
    };

    /// <summary>By hand: q 8x8, k and v 8x4, o 8x8, three times 8x20; each query with the keys it sees, twice over four heads of two; labels with the vocabulary.</summary>
    [Fact]
    public void Operations_are_counted_as_by_hand()
    {
        var layer = 8 * 8 + 2 * 8 * 4 + 8 * 8 + 3 * 8 * 20;
        var seen = 5 * 6 / 2 + 2 * 3 / 2;
        Assert.Equal(2.0 * (3 * (7 * layer + 2 * seen * 4 * 2) + 5 * 8 * 100), MatrixProducts.Forward(Shape, LabelledBatch.Of([new([1, 2, 3, 4, 5]), new([1, 2])])));
    }

    /// <summary>A prompt that is shared is computed once, and the rejected answer still sees it.</summary>
    [Fact]
    public void A_shared_prompt_counts_once()
    {
        var pair = new TokenizedPair(new RowLocation("pairs", 1, false), [1, 2, 3], [4, 5], [6]);
        var layer = 8 * 8 + 2 * 8 * 4 + 8 * 8 + 3 * 8 * 20;
        var seen = 5 * 6 / 2 + (1 * 3 + 1);
        Assert.Equal(2.0 * (3 * (6 * layer + 2 * seen * 4 * 2) + 3 * 8 * 100), MatrixProducts.Forward(Shape, SharedPrompt.Of([pair])));
    }
}
