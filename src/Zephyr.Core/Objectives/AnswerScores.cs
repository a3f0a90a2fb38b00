using Zephyr.Data.Batches;
using Zephyr.Model;
using static TorchSharp.torch;

namespace Zephyr.Objectives;

/// <summary>What a model says of the answers of N pairs, chosen before rejected; each [2N] fp32, or of one batch's sequences.</summary>
/// <param name="LogProbs">log pi(y | x); with LD-DPO the tail counts for less.</param>
/// <param name="PlainLogProbs">log pi(y | x), every token alike.</param>
/// <param name="Logits">The sum over the answer's tokens of the mean logit over the vocabulary.</param>
internal readonly record struct AnswerScores(Tensor LogProbs, Tensor PlainLogProbs, Tensor Logits)
{
    /// <summary>Sums log-probabilities by sequence.</summary>
    /// <param name="head">Knows which labels are whose.</param>
    /// <param name="logProbs_R">As it gives them.</param>
    /// <param name="logits_R">The mean logits of the same rows.</param>
    public static AnswerScores Of(LabelLogProbs head, Tensor logProbs_R, Tensor logits_R)
    {
        var plain_N = head.SumBySequence(logProbs_R);
        return new(head.LabelWeights_R is null ? plain_N : head.WeightedSumBySequence(logProbs_R), plain_N, head.SumBySequence(logits_R));
    }

    /// <summary>Runs the batches through a model and scores every sequence.</summary>
    public static AnswerScores Of(MistralForCausalLM model, IReadOnlyList<LabelledBatch> batches, LogitsWorkspace workspace)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var meanHead_D = LabelLogProbs.MeanHead(model);
        var scores = batches.Select(batch =>
        {
            using var inner = NewDisposeScope();
            var head = new LabelLogProbs(model, batch, workspace);
            var hidden_TD = model.HiddenStates(batch.Batch);
            return Of(head, head.Forward(hidden_TD), head.MeanLogits(hidden_TD, meanHead_D)).MoveToOuterScope();
        });
        return Join([.. scores]).MoveToOuterScope();
    }

    /// <summary>The batches' scores end to end.</summary>
    public static AnswerScores Join(IReadOnlyList<AnswerScores> parts) => new(
        cat([.. parts.Select(part => part.LogProbs)], 0), cat([.. parts.Select(part => part.PlainLogProbs)], 0), cat([.. parts.Select(part => part.Logits)], 0));

    private AnswerScores MoveToOuterScope() =>
        new(LogProbs.MoveToOuterDisposeScope(), PlainLogProbs.MoveToOuterDisposeScope(), Logits.MoveToOuterDisposeScope());
}
