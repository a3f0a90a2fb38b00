namespace Zephyr.Data.Batches;

/// <summary>Training sequences, and what was lost in making them.</summary>
/// <param name="Sequences">What is trained on.</param>
/// <param name="Documents">Conversations that went in.</param>
/// <param name="TooLong">Conversations longer than the limit: cut at the end, or split where they go on as further documents; 0 for wrapped blocks.</param>
/// <param name="WithoutLabels">Conversations, parts of them or blocks that were left out because nothing supervised is in them.</param>
/// <param name="TokensDropped">Tokens cut off, or left over after the last whole block.</param>
public sealed record PackedSequences(IReadOnlyList<TokenSequence> Sequences, int Documents, int TooLong, int WithoutLabels, long TokensDropped)
{
    internal static PackedSequences Of(Func<PackingTally, IEnumerable<TokenSequence>> pack)
    {
        var tally = new PackingTally();
        List<TokenSequence> sequences = [.. pack(tally)];
        return new(sequences, tally.Documents, tally.TooLong, tally.WithoutLabels, tally.TokensDropped);
    }
}

/// <summary>The numbers of <see cref="PackedSequences"/>, which grow while sequences are taken and are whole behind the last one.</summary>
internal sealed class PackingTally
{
    public int Documents { get; set; }

    public int TooLong { get; set; }

    public int WithoutLabels { get; set; }

    public long TokensDropped { get; set; }

    /// <summary>Counts a conversation of which so many tokens are kept.</summary>
    public void Count(int length, int maxLength, int kept)
    {
        Documents++;
        if (length > maxLength) TooLong++;
        TokensDropped += length - kept;
    }
}
