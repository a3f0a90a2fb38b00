using System.Text;

namespace Zephyr.Data.Text;

/// <summary>
/// Cuts text where no merge can ever reach across: between two characters that stand side by side in no piece. This is
/// exact for any merge table, needs no word rules, and leaves pieces short enough to look up whole.
/// </summary>
/// <remarks>
/// Which characters may join is a bit matrix. Characters are numbered from 1 in order of appearance and folded into
/// 4,095 classes: where two share a class the only effect is a cut not made. Class 0 is every character that is in no
/// piece of two or more; it joins nothing.
/// </remarks>
internal sealed class WordSplitter
{
    private const int Classes = 4096;
    private const int WordsPerRow = Classes / 64;

    private readonly ushort[] _classes = new ushort[char.MaxValue + 1];
    private readonly Dictionary<int, ushort> _supplementaryClasses = [];
    private readonly ulong[] _joins = new ulong[Classes * WordsPerRow];
    private int _numbered;

    public WordSplitter(SentencePieceModel model)
    {
        foreach (var piece in model.Pieces)
        {
            if (!piece.IsText) continue;
            var previous = 0;
            foreach (var character in piece.Text.EnumerateRunes())
            {
                if (character.Utf16SequenceLength == piece.Text.Length) break;
                var current = Number(character);
                if (previous != 0) _joins[previous * WordsPerRow + (current >> 6)] |= 1UL << current;
                previous = current;
            }
        }
    }

    /// <summary>The end of the word that starts at <paramref name="start"/> in well-formed UTF-16.</summary>
    public int EndOfWord(ReadOnlySpan<char> text, int start)
    {
        var end = start;
        var previous = Next(text, ref end);
        while (end < text.Length)
        {
            var position = end;
            var current = Next(text, ref position);
            if ((_joins[previous * WordsPerRow + (current >> 6)] >> current & 1) == 0) return end;
            (previous, end) = (current, position);
        }
        return end;
    }

    private int Next(ReadOnlySpan<char> text, ref int position)
    {
        var first = text[position++];
        if (!char.IsHighSurrogate(first)) return _classes[first];
        return _supplementaryClasses.GetValueOrDefault(char.ConvertToUtf32(first, text[position++]));
    }

    private int Number(Rune character)
    {
        var known = character.IsBmp ? _classes[character.Value] : _supplementaryClasses.GetValueOrDefault(character.Value);
        if (known != 0) return known;
        var number = (ushort)(_numbered++ % (Classes - 1) + 1);
        if (character.IsBmp) _classes[character.Value] = number;
        else _supplementaryClasses[character.Value] = number;
        return number;
    }
}
