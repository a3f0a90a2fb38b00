using Zephyr.Data.Text;

namespace Zephyr.Data.Batches;

/// <summary>Preference pairs with each prompt laid down once: prompt and chosen answer are one sequence, the rejected answer sees the prompt and itself.</summary>
public static class SharedPrompt
{
    /// <summary>
    /// The batch of N pairs. A rejected answer's positions go on from the prompt's end, as if it stood there alone. Its first token is
    /// predicted by the prompt's last row, which thus has two labels.
    /// </summary>
    /// <returns>2N groups of labels: the chosen answers', then the rejected ones'.</returns>
    public static LabelledBatch Of(IReadOnlyList<TokenizedPair> pairs)
    {
        ArgumentNullException.ThrowIfNull(pairs);
        var sequences = pairs.SelectMany(pair => (int[][])[[.. pair.PromptIds, .. pair.ChosenIds], pair.RejectedIds]).ToArray();
        var alone = RaggedBatch.Of(sequences);
        var (positions, prefixes) = (alone.Positions, new RowSpan[alone.SequenceCount]);
        for (var i = 0; i < pairs.Count; i++)
        {
            var prompt = pairs[i].PromptIds.Length;
            prefixes[2 * i + 1] = new(alone.Offsets[2 * i], prompt);
            for (var row = alone.Offsets[2 * i + 1]; row < alone.Offsets[2 * i + 2]; row++) positions[row] += prompt;
        }

        var answers = pairs.Select(pair => pair.ChosenIds).Concat(pairs.Select(pair => pair.RejectedIds)).ToList();
        var labelOffsets = new int[answers.Count + 1];
        for (var n = 0; n < answers.Count; n++) labelOffsets[n + 1] = labelOffsets[n] + answers[n].Length;
        var rows = new int[labelOffsets[^1]];
        for (var n = 0; n < answers.Count; n++)
        {
            var (pair, sequence) = (n % pairs.Count, 2 * (n % pairs.Count) + (n < pairs.Count ? 0 : 1));
            var lastOfPrompt = alone.Offsets[2 * pair] + pairs[pair].PromptIds.Length - 1;
            // Row 0 of an answer predicts its second token.
            var start = sequence % 2 == 0 ? lastOfPrompt + 1 : alone.Offsets[sequence];
            rows[labelOffsets[n]] = lastOfPrompt;
            for (var i = 1; i < answers[n].Length; i++) rows[labelOffsets[n] + i] = start + i - 1;
        }
        return new(alone with { Prefixes = prefixes }, rows, [.. answers.SelectMany(ids => ids)], labelOffsets);
    }
}
