using System.Buffers;
using System.Globalization;
using System.Text.RegularExpressions;

namespace Zephyr.Data.Cleaning;

/// <summary>
/// The words of a text whose casing can be judged. Not among them is whatever is or may be no prose: fenced and inline code, lines that look like code,
/// formulas, tags, addresses, and every run of characters with digits, underscores, slashes or dots inside. What is taken for a word does not depend on casing.
/// </summary>
internal static partial class ProseReader
{
    private static readonly HashSet<string> Abbreviations =
    [
        "etc", "vs", "dr", "mr", "mrs", "ms", "st", "no", "nos", "vol", "fig", "figs", "approx", "dept", "inc", "ltd", "co", "corp", "prof", "sr", "jr", "ca", "cf", "al", "ed", "eds",
        "pp", "ch", "sec", "eq", "min", "max", "est", "rev", "gen", "sen", "rep", "gov", "capt", "col", "lt", "sgt", "mt", "ft", "oz", "lb", "lbs", "tbsp", "tsp", "hr", "hrs",
        "jan", "feb", "mar", "apr", "jun", "jul", "aug", "sep", "sept", "oct", "nov", "dec", "mon", "tue", "wed", "thu", "fri", "sat", "sun", "ex", "bzw", "usw", "ggf", "evtl", "nr",
    ];

    private static readonly SearchValues<char> Opening = SearchValues.Create("\"“‘'*_");

    private enum Kind { Nothing, Word, Number, Mark, Protected }

    /// <summary>Characters without spaces between them. The core is what is left without punctuation at both ends.</summary>
    private readonly record struct Chunk(Kind Kind, bool FirstOnLine, int Start, int CoreStart, int CoreEnd, int End)
    {
        public ReadOnlySpan<char> Leading(string text) => text.AsSpan(Start, CoreStart - Start);

        public ReadOnlySpan<char> Core(string text) => text.AsSpan(CoreStart, CoreEnd - CoreStart);

        public ReadOnlySpan<char> Trailing(string text) => text.AsSpan(CoreEnd, End - CoreEnd);
    }

    public static List<ProseWord> Read(string text)
    {
        var hidden = Hide(text);
        var words = new List<ProseWord>();
        var previous = default(Chunk);
        for (var i = 0; i < text.Length;)
        {
            var newlines = 0;
            for (; i < text.Length && char.IsWhiteSpace(text[i]); i++) if (text[i] == '\n') newlines++;
            if (i == text.Length) break;
            var start = i;
            while (i < text.Length && !char.IsWhiteSpace(text[i])) i++;
            var chunk = ChunkOf(text, start, i, newlines > 0 || previous.Kind == Kind.Nothing, hidden);
            if (chunk.Kind == Kind.Word) words.Add(WordOf(text, chunk, previous, newlines));
            previous = chunk;
        }
        return words;
    }

    private static ProseWord WordOf(string text, Chunk chunk, Chunk previous, int newlines)
    {
        var core = chunk.Core(text);
        var hyphen = core.IndexOfAny("-–—");
        var end = hyphen < 0 ? chunk.CoreEnd : chunk.CoreStart + hyphen;
        var leading = chunk.Leading(text);
        var before = previous.Kind == Kind.Nothing ? default : previous.Trailing(text);
        var joins = chunk.Start - previous.End == 1 && newlines == 0 && previous.Kind == Kind.Word && leading.IsEmpty && before.IsEmpty;
        var opens = leading.IndexOfAnyExcept(Opening) < 0 && !IsLabel(text, chunk);
        var ended = opens ? SentenceEnd(text, previous) : null;
        var place = !opens ? WordPlace.Elsewhere
            : previous.Kind == Kind.Nothing ? WordPlace.TextStart
            : ended is not null ? WordPlace.SentenceStart
            : newlines > 1 ? WordPlace.ParagraphStart
            : joins || (newlines == 0 && previous.Kind == Kind.Word && leading.IsEmpty && before is ",") ? WordPlace.Inside : WordPlace.Elsewhere;
        return new(chunk.CoreStart, end, CaseForms.Of(text.AsSpan(chunk.CoreStart, end - chunk.CoreStart)), place, joins, hyphen < 0, ended);
    }

    /// <summary>"choice: neutral", "b. knee flexion": a label or an item's mark begins no sentence.</summary>
    private static bool IsLabel(string text, Chunk chunk) =>
        chunk.Trailing(text) is [':', ..] || (chunk.CoreEnd - chunk.CoreStart == 1 && !chunk.Trailing(text).IsEmpty);

    /// <summary>What ends a sentence: the word and its mark. Neither an ellipsis, nor a mark inside quotes, nor the number of a list's item.</summary>
    private static string? SentenceEnd(string text, Chunk chunk)
    {
        if (chunk.Kind is not (Kind.Word or Kind.Number)) return null;
        var mark = chunk.Trailing(text).Trim("*_");
        if (mark.IsEmpty || !(mark is "." || mark.IndexOfAnyExcept('?', '!') < 0)) return null;
        if (chunk.Kind == Kind.Number) return chunk.FirstOnLine ? null : "#" + mark[0];
        var word = ProseWord.Key(chunk.Core(text));
        // "n! is", "b. knee": a letter by itself ends no sentence, but for "so do I."
        return (word.Length == 1 && word != "i") || (mark[0] == '.' && Abbreviations.Contains(word)) ? null : word + mark[0];
    }

    private static Chunk ChunkOf(string text, int start, int end, bool firstOnLine, bool[]? hidden)
    {
        int first = start, last = end;
        while (first < end && !char.IsLetterOrDigit(text[first])) first++;
        while (last > first && !char.IsLetterOrDigit(text[last - 1]) && !IsMark(text[last - 1])) last--;
        var kind = hidden is not null && hidden.AsSpan(start, end - start).Contains(true) ? Kind.Protected
            : first == end ? Kind.Mark : KindOf(text.AsSpan(first, last - first));
        // Surrogates are no letters to char: a word with some beside it is not looked at.
        if (kind == Kind.Word && text.AsSpan(start, end - start).IndexOfAnyInRange('\uD800', '\uDFFF') >= 0) kind = Kind.Protected;
        return new(kind, firstOnLine, start, first, last, end);
    }

    private static Kind KindOf(ReadOnlySpan<char> core)
    {
        bool letters = true, digits = true;
        foreach (var c in core)
        {
            letters &= char.IsLetter(c) || c is '\'' or '’' or '-' or '–' or '—' || IsMark(c);
            digits &= char.IsAsciiDigit(c) || c is ',' or '.';
        }
        // netdata-parent-latest
        if (core.Count('-') > 1) return Kind.Protected;
        return letters ? Kind.Word : digits ? Kind.Number : Kind.Protected;
    }

    /// <summary>An accent that is a character of its own.</summary>
    private static bool IsMark(char c) => char.GetUnicodeCategory(c) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark;

    /// <summary>True for every character of what is no prose; null where there is none.</summary>
    private static bool[]? Hide(string text)
    {
        bool[]? hidden = null;
        foreach (var match in NoProse().EnumerateMatches(text))
            (hidden ??= new bool[text.Length]).AsSpan(match.Index, match.Length).Fill(true);
        foreach (var match in CodeLine().EnumerateMatches(text))
            (hidden ??= new bool[text.Length]).AsSpan(match.Index, match.Length).Fill(true);
        return hidden;
    }

    [GeneratedRegex(@"```[\s\S]*?(?:```|\z)|~~~[\s\S]*?(?:~~~|\z)|`[^`\n]+`|\$\$[^$]+\$\$|\$[^$\n]{1,100}\$|\\[(\[][^\n]*?\\[)\]]|</?[A-Za-z!][^<>\n]*>|\w+://\S+|www\.\S+|\S+@\S+")]
    private static partial Regex NoProse();

    // Lines that end like statements, hold an operator or a call, or are indented as code is.
    [GeneratedRegex(@"(?m)^(?: {4,}|\t).*$|^.*[{};]\s*$|^.*(?:=>|->|::|==|!=|\+=|&&|\|\||\(\)|\w\([\w, ]*\)|[\w\])]\s?=\s?[\w\[({""']).*$")]
    private static partial Regex CodeLine();
}
