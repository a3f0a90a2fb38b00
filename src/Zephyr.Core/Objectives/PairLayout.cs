using Zephyr.Data.Batches;
using Zephyr.Data.Text;

namespace Zephyr.Objectives;

/// <summary>How the answers of a micro-batch's pairs are laid out for the model.</summary>
internal static class PairLayout
{
    /// <summary>One batch, or two: end to end their groups of labels are the chosen answers', then the rejected ones'.</summary>
    public static IReadOnlyList<LabelledBatch> Of(IReadOnlyList<TokenizedPair> pairs, DpoSettings settings)
    {
        var chosen = pairs.Select(pair => TokenSequence.OfAnswer(pair.PromptIds, pair.ChosenIds));
        var rejected = pairs.Select(pair => TokenSequence.OfAnswer(pair.PromptIds, pair.RejectedIds));
        IReadOnlyList<LabelledBatch> batches = settings.Layout switch
        {
            PairLayoutKind.SharedPrefix => [SharedPrompt.Of(pairs)],
            PairLayoutKind.Concatenated => [LabelledBatch.Of([.. chosen, .. rejected])],
            _ => [LabelledBatch.Of([.. chosen]), LabelledBatch.Of([.. rejected])],
        };
        return settings.TailWeight is not { } weight ? batches : WithTails(batches, pairs, (float)weight);
    }

    /// <summary>1 for an answer's tokens up to the shorter answer's length, less for those beyond it (LD-DPO).</summary>
    private static IReadOnlyList<LabelledBatch> WithTails(IReadOnlyList<LabelledBatch> batches, IReadOnlyList<TokenizedPair> pairs, float tailWeight)
    {
        var answers = pairs.Select(pair => pair.ChosenIds.Length).Concat(pairs.Select(pair => pair.RejectedIds.Length)).ToList();
        var weights = answers.SelectMany((length, n) =>
        {
            var pair = pairs[n % pairs.Count];
            var shared = Math.Min(pair.ChosenIds.Length, pair.RejectedIds.Length);
            return Enumerable.Range(0, length).Select(i => i < shared ? 1 : tailWeight);
        }).ToArray();
        var start = 0;
        return [.. batches.Select(batch => batch with { LabelWeights = weights[start..(start += batch.LabelCount)] })];
    }
}
