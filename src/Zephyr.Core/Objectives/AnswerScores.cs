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
    /// <summary>Scores the sequences of a batch from its hidden states, without a graph.</summary>
    public static AnswerScores Of(LabelLogProbs head, Tensor hidden_TD)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var logProbs_R = head.Forward(hidden_TD);
        var plain_N = head.SumBySequence(logProbs_R);
        var weighted_N = head.LabelWeights_R is null ? plain_N : head.WeightedSumBySequence(logProbs_R);
        var logits_N = head.SumBySequence(head.MeanLogits(hidden_TD));
        return new(weighted_N.MoveToOuterDisposeScope(), plain_N.MoveToOuterDisposeScope(), logits_N.MoveToOuterDisposeScope());
    }

    /// <summary>Runs the batches through a model and scores every sequence.</summary>
    public static AnswerScores Of(MistralForCausalLM model, IReadOnlyList<LabelledBatch> batches)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var scores = batches.Select(batch =>
        {
            using var inner = NewDisposeScope();
            return Of(new LabelLogProbs(model, batch), model.HiddenStates(batch.Batch)).MoveToOuterScope();
        });
        return Join([.. scores]).MoveToOuterScope();
    }

    /// <summary>The batches' scores end to end.</summary>
    public static AnswerScores Join(IReadOnlyList<AnswerScores> parts) => new(
        cat([.. parts.Select(part => part.LogProbs)], 0), cat([.. parts.Select(part => part.PlainLogProbs)], 0), cat([.. parts.Select(part => part.Logits)], 0));

    private AnswerScores MoveToOuterScope() =>
        new(LogProbs.MoveToOuterDisposeScope(), PlainLogProbs.MoveToOuterDisposeScope(), Logits.MoveToOuterDisposeScope());
}
