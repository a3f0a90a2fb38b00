using Zephyr.Data.Text;

namespace Zephyr.Data.Batches;

/// <summary>Training sequences, and what was lost in making them.</summary>
/// <param name="Sequences">What is trained on.</param>
/// <param name="Documents">Conversations that went in.</param>
/// <param name="TooLong">Conversations longer than the limit: cut at the end, or split where they go on as further documents; 0 for wrapped blocks.</param>
/// <param name="WithoutLabels">Conversations, parts of them or blocks that were left out because nothing supervised is in them.</param>
/// <param name="TokensDropped">Tokens cut off, or left over after the last whole block.</param>
public sealed record PackedSequences(IReadOnlyList<TokenSequence> Sequences, int Documents, int TooLong, int WithoutLabels, long TokensDropped);

/// <summary>Conversations to training sequences of bounded length.</summary>
public static class Packing
{
    /// <summary>One sequence for each conversation, cut at the end where it is too long.</summary>
    /// <param name="conversations">Tokenized, &lt;s&gt; first.</param>
    /// <param name="maxLength">The longest sequence in tokens.</param>
    /// <param name="assistantOnly">Labels are the assistant's tokens only, otherwise all.</param>
    public static PackedSequences OneEach(IEnumerable<TokenizedConversation> conversations, int maxLength, bool assistantOnly)
    {
        var sequences = new List<TokenSequence>();
        var (documents, tooLong, unlabelled, dropped) = (0, 0, 0, 0L);
        foreach (var conversation in conversations)
        {
            documents++;
            var length = Math.Min(maxLength, conversation.Ids.Length);
            if (length < conversation.Ids.Length) tooLong++;
            dropped += conversation.Ids.Length - length;
            var sequence = Part(conversation, ..length, assistantOnly) with { Location = conversation.Location };
            if (sequence.LabelCount > 0) sequences.Add(sequence);
            else unlabelled++;
        }
        return new(sequences, documents, tooLong, unlabelled, dropped);
    }

    /// <summary>
    /// The recipe's packing (TRL 0.7's ConstantLengthDataset): &lt;/s&gt; behind every conversation (a plain text has its own), all laid end to end and cut
    /// into blocks of exactly <paramref name="blockLength"/>; what is left over is dropped. Documents cross block borders and see each other.
    /// </summary>
    /// <param name="conversations">Tokenized, &lt;s&gt; first.</param>
    /// <param name="blockLength">Tokens in a block.</param>
    /// <param name="endId">The id of &lt;/s&gt;.</param>
    /// <param name="assistantOnly">Labels are the assistant's tokens only, otherwise all.</param>
    public static PackedSequences Wrapped(IEnumerable<TokenizedConversation> conversations, int blockLength, int endId, bool assistantOnly)
    {
        var blocks = new List<TokenSequence>();
        var (ids, supervised) = (new List<int>(blockLength * 2), new List<bool>(blockLength * 2));
        var (documents, unlabelled) = (0, 0);
        foreach (var conversation in conversations)
        {
            documents++;
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
                if (block.LabelCount > 0) blocks.Add(block);
                else unlabelled++;
                ids.RemoveRange(0, blockLength);
                supervised.RemoveRange(0, blockLength);
            }
        }
        return new(blocks, documents, 0, unlabelled, ids.Count);
    }
    /// <summary>
    /// Whole conversations placed best-fit decreasing into rows of at most <paramref name="maxLength"/> tokens (TRL's bfd and bfd_split;
    /// arXiv 2404.10830). Each stays a document of its own; nothing is put between them, and a row may stay shorter.
    /// </summary>
    /// <param name="conversations">Tokenized, &lt;s&gt; first.</param>
    /// <param name="maxLength">The longest row in tokens.</param>
    /// <param name="assistantOnly">Labels are the assistant's tokens only, otherwise all.</param>
    /// <param name="split">What is over the length goes on as further documents, instead of being cut.</param>
    public static PackedSequences BestFit(IEnumerable<TokenizedConversation> conversations, int maxLength, bool assistantOnly, bool split)
    {
        var parts = new List<TokenSequence>();
        var (documents, tooLong, unlabelled, dropped) = (0, 0, 0, 0L);
        foreach (var conversation in conversations)
        {
            documents++;
            var length = conversation.Ids.Length;
            var end = split ? length : Math.Min(maxLength, length);
            if (length > maxLength) tooLong++;
            dropped += length - end;
            for (var start = 0; start < end; start += maxLength)
            {
                var part = Part(conversation, start..Math.Min(start + maxLength, end), assistantOnly);
                // Nobody else sees it, so a part without labels would only cost time.
                if (part.LabelCount > 0) parts.Add(part);
                else unlabelled++;
            }
        }
        var rows = BestFitDecreasing.Place([.. parts.Select(part => part.Ids.Length)], maxLength);
        return new([.. rows.Select(row => TokenSequence.OfDocuments([.. row.Select(part => parts[part])]))], documents, tooLong, unlabelled, dropped);
    }

    private static TokenSequence Part(TokenizedConversation conversation, Range range, bool assistantOnly) =>
        new(conversation.Ids[range], assistantOnly ? conversation.AssistantMask[range] : null);
}
