using System.Text;

namespace Zephyr.Data.Cleaning;

/// <summary>
/// Texts as the words that they are made of, for telling whether two share a passage: runs of letters and digits, without regard to case, spaces and
/// punctuation. A Chinese character or a kana is a word. A word is a 64-bit number, and so are n words in a row.
/// </summary>
public static class WordNgrams
{
    private const ulong FnvOffset = 14695981039346656037, FnvPrime = 1099511628211, Base = 0x9E3779B97F4A7C15;

    /// <summary>The words of a text, in order.</summary>
    public static ulong[] WordsOf(string text)
    {
        var words = new List<ulong>();
        var (hash, inWord) = (FnvOffset, false);
        foreach (var rune in text.EnumerateRunes())
        {
            var alone = IsWordByItself(rune.Value);
            if (inWord && (alone || !Rune.IsLetterOrDigit(rune))) End();
            if (!Rune.IsLetterOrDigit(rune)) continue;
            hash = (hash ^ (ulong)Rune.ToLowerInvariant(rune).Value) * FnvPrime;
            inWord = true;
            if (alone) End();
        }
        if (inWord) End();
        return [.. words];

        void End()
        {
            words.Add(Mix(hash));
            (hash, inWord) = (FnvOffset, false);
        }
    }

    /// <summary>A number for each passage of <paramref name="n"/> words, in order; none where there are fewer words.</summary>
    public static IEnumerable<ulong> Of(ulong[] words, int n)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(n);
        ulong hash = 0, highest = 1;
        for (var i = 1; i < n; i++) highest = unchecked(highest * Base);
        for (var i = 0; i < words.Length; i++)
        {
            if (i >= n) hash = unchecked(hash - words[i - n] * highest);
            hash = unchecked(hash * Base + words[i]);
            if (i >= n - 1) yield return hash;
        }
    }

    private static bool IsWordByItself(int rune) =>
        rune is (>= 0x3040 and <= 0x30FF) or (>= 0x3400 and <= 0x9FFF) or (>= 0xF900 and <= 0xFAFF) or (>= 0x20000 and <= 0x3FFFF);

    private static ulong Mix(ulong z)
    {
        z = unchecked((z ^ (z >> 30)) * 0xBF58476D1CE4E5B9);
        z = unchecked((z ^ (z >> 27)) * 0x94D049BB133111EB);
        return z ^ (z >> 31);
    }
}
