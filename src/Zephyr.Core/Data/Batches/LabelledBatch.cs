namespace Zephyr.Data.Batches;

/// <summary>Token ids and which of them the loss asks for.</summary>
/// <param name="Ids">[L] token ids.</param>
/// <param name="Supervised">[L], true where the token is a label; null where all are. The first token is never predicted, so never a label.</param>
public sealed record TokenSequence(int[] Ids, bool[]? Supervised = null)
{
    /// <summary>How many labels the sequence has.</summary>
    public int LabelCount
    {
        get
        {
            var count = 0;
            for (var i = 1; i < Ids.Length; i++) if (IsLabel(i)) count++;
            return count;
        }
    }

    /// <summary>A prompt and its answer, of which only the answer is supervised.</summary>
    public static TokenSequence OfAnswer(int[] promptIds, int[] answerIds)
    {
        var supervised = new bool[promptIds.Length + answerIds.Length];
        supervised.AsSpan(promptIds.Length).Fill(true);
        return new([.. promptIds, .. answerIds], supervised);
    }

    internal bool IsLabel(int i) => Supervised is null || Supervised[i];
}

/// <summary>
/// A ragged batch with its labels: the R rows whose hidden state predicts a supervised token, and those tokens
/// (design decision 2: only these rows meet the vocabulary).
/// </summary>
/// <param name="Batch">The tokens that are run through the model.</param>
/// <param name="Rows">[R] indices into the batch's T rows.</param>
/// <param name="Labels">[R] the token that follows each row.</param>
/// <param name="LabelOffsets">[N + 1] the rows of sequence n are <c>LabelOffsets[n]</c> to <c>LabelOffsets[n + 1]</c>.</param>
public sealed record LabelledBatch(RaggedBatch Batch, int[] Rows, int[] Labels, int[] LabelOffsets)
{
    /// <summary>R.</summary>
    public int LabelCount => Labels.Length;

    /// <summary>Lays the sequences end to end and gathers what the loss asks for.</summary>
    public static LabelledBatch Of(IReadOnlyList<TokenSequence> sequences)
    {
        var batch = RaggedBatch.Of([.. sequences.Select(sequence => sequence.Ids)]);
        List<int> rows = [], labels = [];
        var labelOffsets = new int[sequences.Count + 1];
        for (var n = 0; n < sequences.Count; n++)
        {
            var sequence = sequences[n];
            for (var i = 1; i < sequence.Ids.Length; i++)
            {
                if (!sequence.IsLabel(i)) continue;
                rows.Add(batch.Offsets[n] + i - 1);
                labels.Add(sequence.Ids[i]);
            }
            labelOffsets[n + 1] = rows.Count;
        }
        return new(batch, [.. rows], [.. labels], labelOffsets);
    }
}
