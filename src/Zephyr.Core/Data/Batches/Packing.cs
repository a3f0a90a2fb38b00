using Zephyr.Data.Text;

namespace Zephyr.Data.Batches;

/// <summary>Conversations to training sequences of bounded length.</summary>
public static class Packing
{
    /// <summary>One sequence for each conversation, cut at the end where it is too long.</summary>
    /// <param name="conversations">Tokenized, &lt;s&gt; first.</param>
    /// <param name="maxLength">The longest sequence in tokens.</param>
    /// <param name="assistantOnly">Labels are the assistant's tokens only, otherwise all.</param>
    public static PackedSequences OneEach(IEnumerable<TokenizedConversation> conversations, int maxLength, bool assistantOnly) =>
        PackedSequences.Of(tally => OneEach(conversations, maxLength, assistantOnly, tally));

    /// <summary>
    /// The recipe's packing (TRL 0.7's ConstantLengthDataset): &lt;/s&gt; behind every conversation (a plain text has its own), all laid end to end and cut
    /// into blocks of exactly <paramref name="blockLength"/>; what is left over is dropped. Documents cross block borders and see each other.
    /// </summary>
    /// <param name="conversations">Tokenized, &lt;s&gt; first.</param>
    /// <param name="blockLength">Tokens in a block.</param>
    /// <param name="endId">The id of &lt;/s&gt;.</param>
    /// <param name="assistantOnly">Labels are the assistant's tokens only, otherwise all.</param>
    public static PackedSequences Wrapped(IEnumerable<TokenizedConversation> conversations, int blockLength, int endId, bool assistantOnly) =>
        PackedSequences.Of(tally => Wrapped(conversations, blockLength, endId, assistantOnly, tally));

    /// <summary>
    /// Whole conversations placed best-fit decreasing into rows of at most <paramref name="maxLength"/> tokens (TRL's bfd and bfd_split;
    /// arXiv 2404.10830). Each stays a document of its own; nothing is put between them, and a row may stay shorter.
    /// </summary>
    /// <param name="conversations">Tokenized, &lt;s&gt; first.</param>
    /// <param name="maxLength">The longest row in tokens.</param>
    /// <param name="assistantOnly">Labels are the assistant's tokens only, otherwise all.</param>
    /// <param name="split">What is over the length goes on as further documents, instead of being cut.</param>
    public static PackedSequences BestFit(IEnumerable<TokenizedConversation> conversations, int maxLength, bool assistantOnly, bool split) =>
        PackedSequences.Of(tally => BestFit(conversations, maxLength, assistantOnly, split, parts => [.. parts], tally));

    /// <summary>The same one by one, as they are taken.</summary>
    internal static IEnumerable<TokenSequence> OneEach(IEnumerable<TokenizedConversation> conversations, int maxLength, bool assistantOnly, PackingTally tally)
    {
        foreach (var conversation in conversations)
        {
            var length = Math.Min(maxLength, conversation.Ids.Length);
            tally.Count(conversation.Ids.Length, maxLength, length);
            var sequence = Part(conversation, ..length, assistantOnly) with { Location = conversation.Location };
            if (sequence.LabelCount > 0) yield return sequence;
            else tally.WithoutLabels++;
        }
    }

    /// <inheritdoc cref="OneEach(IEnumerable{TokenizedConversation}, int, bool, PackingTally)"/>
    internal static IEnumerable<TokenSequence> Wrapped(
        IEnumerable<TokenizedConversation> conversations, int blockLength, int endId, bool assistantOnly, PackingTally tally)
    {
        var (ids, supervised) = (new List<int>(blockLength * 2), new List<bool>(blockLength * 2));
        foreach (var conversation in conversations)
        {
            tally.Documents++;
            ids.AddRange(conversation.Ids);
            supervised.AddRange(conversation.AssistantMask);
            if (ids[^1] != endId)
            {
                ids.Add(endId);
                supervised.Add(false);
            }
            while (ids.Count >= blockLength)
            {
                var block = new TokenSequence([.. ids[..blockLength]], assistantOnly ? [.. supervised[..blockLength]] : null);
                ids.RemoveRange(0, blockLength);
                supervised.RemoveRange(0, blockLength);
                if (block.LabelCount > 0) yield return block;
                else tally.WithoutLabels++;
            }
        }
        tally.TokensDropped += ids.Count;
    }

    /// <summary>The same one by one; the first comes when all conversations are read, and until then only their lengths are held here.</summary>
    /// <param name="conversations">Tokenized, &lt;s&gt; first.</param>
    /// <param name="maxLength">The longest row in tokens.</param>
    /// <param name="assistantOnly">Labels are the assistant's tokens only, otherwise all.</param>
    /// <param name="split">What is over the length goes on as further documents, instead of being cut.</param>
    /// <param name="hold">Takes the documents to where they are found again; what it gives is disposed of, where it can be.</param>
    /// <param name="tally">Counts.</param>
    internal static IEnumerable<TokenSequence> BestFit(IEnumerable<TokenizedConversation> conversations, int maxLength, bool assistantOnly, bool split,
        Func<IEnumerable<TokenSequence>, IReadOnlyList<TokenSequence>> hold, PackingTally tally)
    {
        var lengths = new List<int>();
        var parts = hold(Parts(conversations, maxLength, assistantOnly, split, tally).Select(part =>
        {
            lengths.Add(part.Ids.Length);
            return part;
        }));
        using var held = parts as IDisposable;
        foreach (var row in BestFitDecreasing.Place(lengths, maxLength)) yield return TokenSequence.OfDocuments([.. row.Select(part => parts[part])]);
    }

    private static IEnumerable<TokenSequence> Parts(
        IEnumerable<TokenizedConversation> conversations, int maxLength, bool assistantOnly, bool split, PackingTally tally)
    {
        foreach (var conversation in conversations)
        {
            var length = conversation.Ids.Length;
            var end = split ? length : Math.Min(maxLength, length);
            tally.Count(length, maxLength, end);
            for (var start = 0; start < end; start += maxLength)
            {
                var part = Part(conversation, start..Math.Min(start + maxLength, end), assistantOnly);
                // Nobody else sees it, so a part without labels would only cost time.
                if (part.LabelCount > 0) yield return part;
                else tally.WithoutLabels++;
            }
        }
    }

    private static TokenSequence Part(TokenizedConversation conversation, Range range, bool assistantOnly) =>
        new(conversation.Ids[range], assistantOnly ? conversation.AssistantMask[range] : null);
}
