namespace Zephyr.Data.Batches;

/// <summary>
/// Token ids and which of them the loss asks for: what a training batch counts as one row. It is one document, or with best-fit
/// packing several that stand in one row but neither see each other nor share positions.
/// </summary>
/// <param name="Ids">[L] token ids.</param>
/// <param name="Supervised">[L], true where the token is a label; null where all are. The first token of a document is never predicted, so never a label.</param>
/// <param name="DocumentOffsets">Document d is <c>DocumentOffsets[d]</c> to <c>DocumentOffsets[d + 1]</c>, from 0 to L; null where all is one document.</param>
public sealed record TokenSequence(int[] Ids, bool[]? Supervised = null, int[]? DocumentOffsets = null)
{
    /// <summary>The row it came from; null where it is made of several.</summary>
    public RowLocation? Location { get; init; }

    /// <summary>How many labels the sequence has.</summary>
    public int LabelCount
    {
        get
        {
            var count = 0;
            foreach (var (start, end) in DocumentSpans)
                for (var i = start + 1; i < end; i++) if (IsLabel(i)) count++;
            return count;
        }
    }

    /// <summary>Each document as a sequence of its own, in order.</summary>
    public IEnumerable<TokenSequence> Documents =>
        DocumentOffsets is null ? [this] : DocumentSpans.Select(span => new TokenSequence(Ids[span.Start..span.End], Supervised?[span.Start..span.End]));

    private IEnumerable<(int Start, int End)> DocumentSpans =>
        DocumentOffsets is { } offsets ? offsets.Zip(offsets.Skip(1)) : [(0, Ids.Length)];

    /// <summary>A prompt and its answer, of which only the answer is supervised.</summary>
    public static TokenSequence OfAnswer(int[] promptIds, int[] answerIds)
    {
        var supervised = new bool[promptIds.Length + answerIds.Length];
        supervised.AsSpan(promptIds.Length).Fill(true);
        return new([.. promptIds, .. answerIds], supervised);
    }

    /// <summary>Documents in one row.</summary>
    /// <param name="documents">At least one; each a single document.</param>
    public static TokenSequence OfDocuments(IReadOnlyList<TokenSequence> documents)
    {
        if (documents.Count == 1) return documents[0];
        var offsets = new int[documents.Count + 1];
        for (var d = 0; d < documents.Count; d++) offsets[d + 1] = offsets[d] + documents[d].Ids.Length;
        bool[]? supervised = documents.All(document => document.Supervised is null) ? null
            : [.. documents.SelectMany(document => document.Supervised ?? Enumerable.Repeat(true, document.Ids.Length))];
        return new([.. documents.SelectMany(document => document.Ids)], supervised, offsets);
    }

    internal bool IsLabel(int i) => Supervised is null || Supervised[i];
}
