namespace Zephyr.Data.Text;

/// <summary>The ids of a pair: the prompt once, and what each answer adds to it.</summary>
internal readonly record struct PairIds(int[] Prompt, int[] Chosen, int[] Rejected);

/// <summary>
/// One way to make token ids of a pair. Programs differ in where the prompt ends, in the marks around it and in what they cut
/// (docs/tokenization.md shows it on rows); each way is one page. Used from several threads.
/// </summary>
internal interface IPairTokenization
{
    /// <summary>How many ids stand behind the &lt;/s&gt; that ends a whole answer.</summary>
    int IdsBehindEnd { get; }

    /// <summary>The ids at full length.</summary>
    /// <exception cref="BadRowException">The answers do not follow one and the same prompt.</exception>
    PairIds Encode(PreferencePair pair);

    /// <summary>The same, cut to the limits; an answer may come out empty.</summary>
    PairIds Cut(PairIds whole);
}

/// <summary>What the ways have in common.</summary>
internal static class PairEncoding
{
    /// <summary>The ids that an answer adds to its prompt where the two were encoded as one text.</summary>
    /// <exception cref="BadRowException">The prompt's ids are not what the text's begin with.</exception>
    public static int[] Behind(int[] prompt, int[] text, RowLocation location, string field) => text.AsSpan().StartsWith(prompt)
        ? text[prompt.Length..]
        : throw new BadRowException(location, field, "an answer that changes the token ids of its prompt", "an assistant turn that the prompt's ids lead up to");

    /// <summary>The first ids, as many as there is room for.</summary>
    public static int[] Head(this int[] ids, int room) => ids.Length > room ? ids[..room] : ids;
}
