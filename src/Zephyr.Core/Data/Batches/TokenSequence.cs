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
