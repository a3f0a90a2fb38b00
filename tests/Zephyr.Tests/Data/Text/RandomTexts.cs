using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Text;

/// <summary>Texts made to be awkward: repeats, marks whole and broken, spaces, characters of one to four bytes.</summary>
internal static class RandomTexts
{
    private static readonly string[] Parts =
    [
        "a", "a", "b", "c", "aa", "abc", " ", " ", "  ", "▁", "x", "é", "\u0301", "日", "😀", "👩\u200d👧", "\n", "\t", "\0", "\r\n",
        "<", ">", "|", "</s>", "<s>", "<unk>", "</s", "<|user|>", "<0x0A>", "the", "ing", "```", "======", "1234", "ﬁ", "\u00a0", "\uFFFD",
    ];

    public static string Next(int seed, int mostParts)
    {
        var random = new SeededRandom(seed);
        return string.Concat(Enumerable.Range(0, random.NextInt(mostParts + 1)).SelectMany(_ =>
            Enumerable.Repeat(Parts[random.NextInt(Parts.Length)], random.NextInt(8) == 0 ? random.NextInt(40) : 1)));
    }
}
