using Zephyr.Data.Text;

namespace Zephyr.Pipeline;

/// <summary>Which rows the tokens of packed blocks came from: blocks carry ids only.</summary>
/// <param name="documents">The conversations at full length, in the order in which they were packed.</param>
internal sealed class PackedRows(IReadOnlyList<TokenizedConversation> documents)
{
    private readonly HashSet<TokenizedConversation> _placed = new(ReferenceEqualityComparer.Instance);

    /// <summary>
    /// The documents of blocks that were cut from all conversations laid end to end, each with the <c>&lt;/s&gt;</c> that packing put behind it where there was none.
    /// A block without labels is missing among them, so each is looked for from where the one before it ended.
    /// </summary>
    /// <param name="blocks">Ids of each block, all of one length.</param>
    /// <param name="endId">The id of &lt;/s&gt;.</param>
    public IEnumerable<IReadOnlyList<(TokenizedConversation? Document, int Start, int Length)>> InBlocks(IEnumerable<int[]> blocks, int endId)
    {
        int[] Closed(int[] ids) => ids[^1] == endId ? ids : [.. ids, endId];
        int[] stream = [.. documents.SelectMany(document => Closed(document.Ids))], lengths = [.. documents.Select(document => Closed(document.Ids).Length)];
        var begin = 0;
        foreach (var block in blocks)
        {
            while (!stream.AsSpan(begin, block.Length).SequenceEqual(block)) begin += block.Length;
            yield return Overlapping(lengths, begin, block.Length);
            begin += block.Length;
        }
    }

    /// <summary>The documents of a sequence that keeps them apart, by where the positions start again; each is found by its ids.</summary>
    /// <param name="ids">The sequence.</param>
    /// <param name="positions">The position of each token in its own document.</param>
    public IReadOnlyList<(TokenizedConversation? Document, int Start, int Length)> InSequence(int[] ids, int[] positions)
    {
        int[] starts = [.. Enumerable.Range(0, ids.Length).Where(i => positions[i] == 0), ids.Length];
        return [.. starts.Zip(starts.Skip(1), (start, end) => (Find(ids.AsSpan(start, end - start)), start, end - start))];
    }

    private List<(TokenizedConversation? Document, int Start, int Length)> Overlapping(int[] lengths, int begin, int length)
    {
        var found = new List<(TokenizedConversation? Document, int Start, int Length)>();
        var first = 0;
        for (var i = 0; i < lengths.Length && first < begin + length; i++)
        {
            var end = first + lengths[i];
            var (from, to) = (Math.Max(first, begin), Math.Min(end, begin + length));
            if (from < to) found.Add((documents[i], from - begin, to - from));
            first = end;
        }
        return found;
    }

    /// <summary>Rows may repeat: a whole beginning is looked for first among those that have not been met yet.</summary>
    private TokenizedConversation? Find(ReadOnlySpan<int> tokens)
    {
        TokenizedConversation? holds = null;
        foreach (var document in documents)
        {
            if (document.Ids.AsSpan().StartsWith(tokens) && _placed.Add(document)) return document;
            if (holds is null && document.Ids.AsSpan().IndexOf(tokens) >= 0) holds = document;
        }
        return holds;
    }
}
