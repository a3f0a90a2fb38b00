using Zephyr.Data.Batches;
using Zephyr.Model;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Tests.Golden;
using Zephyr.Tests.Training;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Tests.Objectives;

/// <summary>The chunked head and its hand-written gradient against one plain log-softmax and autograd.</summary>
public class LabelLogProbsTests
{
    /// <summary>More labels than a chunk holds, and not a multiple of it.</summary>
    [Theory]
    [InlineData(1)]
    [InlineData(511)]
    [InlineData(512)]
    [InlineData(513)]
    [InlineData(1200)]
    public void Chunks_change_nothing(int labels)
    {
        using var scope = NewDisposeScope();
        using var model = TinyTraining.Model();
        var batch = LabelledBatch.Of(Rows(labels));
        Assert.Equal(labels, batch.LabelCount);
        using var hidden_TD = rand(batch.Batch.TokenCount, TinyTraining.Shape.HiddenSize, requires_grad: true);
        var weights_R = rand(labels) - 0.5;

        var logits_RV = model.Logits(hidden_TD.index_select(0, tensor(batch.Rows, ScalarType.Int64)));
        var expected_R = log_softmax(logits_RV, 1).gather(1, tensor(batch.Labels, ScalarType.Int64).unsqueeze(1)).squeeze(1);
        (expected_R * weights_R).sum().backward();
        var expectedHead = model.Head_VD.grad!;

        // 512 rows of logits, so that there is one chunk, or several.
        var head = new LabelLogProbs(model, batch, new(512 * sizeof(float) * TinyTraining.Shape.VocabSize));
        Assert.Equal(512, head.RowsAtOnce);
        Near.Equal(expected_R.detach(), head.Forward(hidden_TD.detach()), 1e-6, "log-probabilities");
        // The coefficients are known, or come of the log-probabilities: in one visit to the vocabulary where they fit a chunk, in two where not.
        foreach (var known in (bool[])[true, false])
        {
            model.Parameters.ClearGradients();
            var gradient_TD = zeros_like(hidden_TD);
            Tensor? logProbs_R = null;
            if (known) logProbs_R = head.Backward(hidden_TD.detach(), weights_R, gradient_TD);
            else
                head.Backward(hidden_TD.detach(), logProbs =>
                {
                    logProbs_R = logProbs.clone().MoveToOuterDisposeScope();
                    return weights_R;
                }, gradient_TD);
            Near.Equal(expected_R.detach(), logProbs_R!, 1e-6, "log-probabilities on the way back");
            Near.Equal(hidden_TD.grad!, gradient_TD, 1e-6, "d hidden");
            Near.Equal(expectedHead, model.Head.Gradient!, 1e-6, "d head");
        }
    }

    [Fact]
    public void Sums_go_to_their_sequences_and_back()
    {
        using var scope = NewDisposeScope();
        using var model = TinyTraining.Model();
        var batch = LabelledBatch.Of([new([1, 2, 3]), TokenSequence.OfAnswer([1, 2], [3]), new([1, 2, 3, 4])]);
        var head = new LabelLogProbs(model, batch, new());
        Assert.Equal([3f, 4f, 18f], head.SumBySequence(tensor(new float[] { 1, 2, 4, 5, 6, 7 })).data<float>().ToArray());
        Assert.Equal([1f, 1f, 2f, 3f, 3f, 3f], head.SpreadOverLabels(tensor(new float[] { 1, 2, 3 })).data<float>().ToArray());
    }

    /// <summary>Where head and embedding are one tensor, both ways to it add up, with recomputation as without.</summary>
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_tied_head_learns_from_both_ends(bool recompute)
    {
        using var scope = NewDisposeScope();
        using var model = FreshModel.Create(TinyTraining.Shape with { TieWordEmbeddings = true }, 1, CPU);
        var rows = TinyTraining.Sequences(3);
        var batch = LabelledBatch.Of(rows);
        var logits_RV = model.Logits(model.HiddenStates(batch.Batch).index_select(0, tensor(batch.Rows, ScalarType.Int64)));
        cross_entropy(logits_RV, tensor(batch.Labels, ScalarType.Int64), reduction: nn.Reduction.Sum).backward();
        var expected = model.Parameters.All.ToDictionary(entry => entry.Key, entry => entry.Value.grad!);
        new SftObjective(model, new(), recompute ? 1 : 0).AccumulateGradients(rows);
        foreach (var weight in model.Parameters.Weights) Near.Equal(expected[weight.Name], weight.Gradient!, 1e-5, weight.Name);
    }

    private static List<TokenSequence> Rows(int labels)
    {
        var random = new SeededRandom(5);
        List<TokenSequence> rows = [];
        for (var left = labels; left > 0;)
        {
            var count = Math.Min(left, 1 + random.NextInt(60));
            rows.Add(new([.. Enumerable.Range(0, count + 1).Select(_ => random.NextInt(TinyTraining.Shape.VocabSize))]));
            left -= count;
        }
        return rows;
    }
}
