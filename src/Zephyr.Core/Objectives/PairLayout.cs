using Zephyr.Data.Batches;
using Zephyr.Data.Text;

namespace Zephyr.Objectives;

/// <summary>How the answers of a micro-batch's pairs are laid out for the model.</summary>
internal static class PairLayout
{
    /// <summary>Chosen sequences, then rejected ones: in one batch, or in a batch each.</summary>
    public static IReadOnlyList<LabelledBatch> Of(IReadOnlyList<TokenizedPair> pairs, DpoSettings settings)
    {
        var chosen = pairs.Select(pair => TokenSequence.OfAnswer(pair.PromptIds, pair.ChosenIds));
        var rejected = pairs.Select(pair => TokenSequence.OfAnswer(pair.PromptIds, pair.RejectedIds));
        return settings.Concatenated
            ? [Batch([.. chosen, .. rejected], pairs, settings.TailWeight, pair => pair.ChosenIds.Length, pair => pair.RejectedIds.Length)]
            : [
                Batch([.. chosen], pairs, settings.TailWeight, pair => pair.ChosenIds.Length),
                Batch([.. rejected], pairs, settings.TailWeight, pair => pair.RejectedIds.Length),
            ];
    }

    private static LabelledBatch Batch(
        IReadOnlyList<TokenSequence> sequences, IReadOnlyList<TokenizedPair> pairs, double? tailWeight, params Func<TokenizedPair, int>[] lengths)
    {
        var batch = LabelledBatch.Of(sequences);
        return tailWeight is not { } weight ? batch : batch with { LabelWeights = TailWeights(pairs, weight, lengths) };
    }

    /// <summary>1 for an answer's tokens up to the shorter answer's length, less for those beyond it (LD-DPO).</summary>
    private static float[] TailWeights(IReadOnlyList<TokenizedPair> pairs, double tailWeight, Func<TokenizedPair, int>[] lengths) =>
    [
        .. lengths.SelectMany(length => pairs.SelectMany(pair =>
        {
            var shared = Math.Min(pair.ChosenIds.Length, pair.RejectedIds.Length);
            return Enumerable.Range(0, length(pair)).Select(i => i < shared ? 1f : (float)tailWeight);
        })),
    ];
}
