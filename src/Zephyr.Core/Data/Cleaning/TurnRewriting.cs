using System.Buffers;

namespace Zephyr.Data.Cleaning;

/// <summary>One look at a turn: what is wrong with its casing, put right as far as the statistics are sure.</summary>
internal sealed class TurnRewriting(string text, CasingStatistics statistics)
{
    // A word in a form that 95 % of its occurrences have is written so; one that is in lower case in 80 % may be made so where a whole turn is wrong.
    private const double Sure = 0.95, Likely = 0.8;

    // A capital inside a sentence is rather a name that nobody knows, unless the word is one of those that are never anything but small.
    private const double Certain = 0.995;
    private const int OftenSeen = 100;

    private static readonly SearchValues<char> TurkishLetters = SearchValues.Create("ıİğĞşŞ"), CodeMarks = SearchValues.Create("`=<>{}[]\\");

    private static readonly HashSet<string> Verbs =
    [
        "am", "was", "have", "had", "do", "don't", "did", "didn't", "can", "can't", "could", "couldn't", "will", "won't", "would", "wouldn't", "should", "shouldn't", "may", "might", "must",
        "think", "know", "want", "wanted", "need", "needed", "like", "liked", "love", "get", "got", "go", "went", "see", "saw", "say", "said", "feel", "felt", "find", "found", "make", "made", "use", "used",
        "try", "tried", "ask", "asked", "mean", "believe", "guess", "hope", "wish", "work", "live", "give", "take", "just", "really", "also", "never", "always", "still",
    ];

    private readonly List<ProseWord> _words = ProseReader.Read(text);
    private readonly char[] _characters = text.ToCharArray();
    private readonly bool _isTurkish = text.AsSpan().IndexOfAny(TurkishLetters) >= 0;
    private CasingFault _faults;

    public (string Text, CasingFault Faults) Run()
    {
        if (_words.Count < 3) return (text, CasingFault.None);
        if (IsAll(CaseForm.Lower, 3)) Lowered();
        else if (IsAll(CaseForm.Upper, 4) && IsSmallInCorpus(word => word.Length > 1)) Recase(CasingFault.AllUpper);
        else if (IsAllTitle()) Recase(CasingFault.AllTitle);
        else Mixed();
        return (new string(_characters), _faults);
    }

    private void Lowered()
    {
        for (var i = 0; i < _words.Count; i++)
            if (_words[i] is var word && Starts(word, paragraphs: true)) Begin(word, CasingFault.AllLower);
            else if (IsFirstPerson(word)) Write(word, IsPronoun(i) ? CaseForm.Title : CaseForm.Lower, CasingFault.AllLower);
            else if (word.IsWhole && CountsOf(word).Dominant(Sure) is { } form and (CaseForm.Title or CaseForm.Upper)) Write(word, form, CasingFault.AllLower);
    }

    /// <summary>A turn in capitals: words that the corpus knows get its form, and sentences a capital; others stay.</summary>
    private void Recase(CasingFault fault)
    {
        foreach (var word in _words)
        {
            if (word.Form == CaseForm.Other) continue;
            var counts = CountsOf(word);
            var form = counts.Dominant(Sure) ?? counts.Dominant(Likely);
            if (form is CaseForm.Lower or CaseForm.Title) Write(word, form.Value, fault);
            if (form is CaseForm.Lower && Starts(word, paragraphs: true)) Begin(word, fault);
        }
    }

    private void Mixed()
    {
        foreach (var word in _words)
            if (word.Form == CaseForm.Lower && Starts(word, paragraphs: false)) Begin(word, CasingFault.SentenceStart);
        var capitals = Enumerable.Range(1, Math.Max(0, _words.Count - 2)).Where(IsStrayCapital).ToList();
        // A single one may be a title ("the film It was long").
        if (capitals.Count > 1)
            foreach (var i in capitals) Write(_words[i], CaseForm.Lower, CasingFault.MidSentence);
        Pronouns();
    }

    private void Pronouns()
    {
        if (_words.Any(word => word is { Length: 1, Form: CaseForm.Title } && text[word.Start] == 'I') || text.AsSpan().IndexOfAny(CodeMarks) >= 0) return;
        for (var i = 0; i < _words.Count; i++)
            if (_words[i].Form == CaseForm.Lower && IsPronoun(i)) Write(_words[i], CaseForm.Title, CasingFault.Pronoun);
    }

    private bool IsFirstPerson(ProseWord word) => word.IsWhole && word.KeyIn(text) is "i" or "i'm" or "i've" or "i'll" or "i'd";

    /// <summary>"i" is a letter in formulas and a word of other languages: here it stands behind a word and before a verb, in a corpus that writes it with a capital.</summary>
    private bool IsPronoun(int i) => IsFirstPerson(_words[i]) && _words[i].Place == WordPlace.Inside && i + 1 < _words.Count && _words[i + 1].JoinsPrevious
        && statistics.Of("i").Dominant(Likely) == CaseForm.Title && (_words[i].Length > 1 || Verbs.Contains(_words[i + 1].KeyIn(text)));

    private bool IsStrayCapital(int i) =>
        _words[i] is { Form: CaseForm.Title, Place: WordPlace.Inside, JoinsPrevious: true, IsWhole: true, Length: > 1 } word
        && _words[i + 1].JoinsPrevious && IsNow(CaseForm.Lower, _words[i - 1]) && IsNow(CaseForm.Lower, _words[i + 1])
        && IsNeverCapital(word);

    private bool IsNeverCapital(ProseWord word) => CountsOf(word) is var counts && counts.Lower >= OftenSeen && counts.Dominant(Certain) == CaseForm.Lower;

    private bool IsNow(CaseForm form, ProseWord word) => CaseForms.Of(_characters.AsSpan(word.Start, word.Length)) == form;

    /// <summary>Whether all words, or nearly all of those of more than one letter, have a form.</summary>
    private bool IsAll(CaseForm form, int least)
    {
        if (form == CaseForm.Lower) return _words.Count >= least && _words.TrueForAll(word => word.Form == CaseForm.Lower);
        var longer = _words.Where(word => word.Length > 1).ToList();
        return longer.Count >= least && longer.Count(word => word.Form == form) >= 0.9 * longer.Count;
    }

    /// <summary>
    /// Headings leave their small words small, and titles do not end in a full stop: a turn is judged wrong where it ends like a sentence and even the words
    /// that the corpus never writes with a capital have one.
    /// </summary>
    private bool IsAllTitle()
    {
        if (text.AsSpan().TrimEnd() is not [.., '.' or '?' or '!']) return false;
        var small = _words.Where(word => word is { Place: WordPlace.Inside, IsWhole: true } && IsNeverCapital(word)).ToList();
        return small.Count >= 4 && small.Count >= 0.25 * _words.Count && small.Count(word => word.Form is CaseForm.Title or CaseForm.Upper) >= 0.85 * small.Count
            && _words.Count(word => word.Form == CaseForm.Lower) <= 0.15 * _words.Count;
    }

    /// <summary>Against a list of acronyms: most of the words are known to the corpus, and as words that are written small.</summary>
    private bool IsSmallInCorpus(Func<ProseWord, bool> which)
    {
        var words = _words.Where(which).ToList();
        var known = words.Where(word => CountsOf(word).Dominant(0.5) is not null).ToList();
        return known.Count >= 4 && known.Count >= 0.6 * words.Count && known.Count(word => CountsOf(word).Dominant(0.5) == CaseForm.Lower) >= 0.8 * known.Count;
    }

    private bool Starts(ProseWord word, bool paragraphs) => word.Place switch
    {
        WordPlace.TextStart => BeginsSentence(),
        WordPlace.SentenceStart => !statistics.IsAbbreviation(word.EndBefore!),
        WordPlace.ParagraphStart => paragraphs && BeginsSentence(),
        _ => false,
    };

    /// <summary>Whether the turn is made of sentences, and no label, name or list of words: its first line has three words or more, and it ends one or has six.</summary>
    private bool BeginsSentence()
    {
        var lineEnd = text.IndexOf('\n', _words[0].Start) is >= 0 and var end ? end : text.Length;
        return _words[2].Start < lineEnd && (_words.Count >= 6 || text.AsSpan().TrimEnd() is [.., '.' or '?' or '!']);
    }

    /// <summary>A sentence's first word gets its capital, or the form that it always has; "iPhone" and "nginx", where the corpus writes them so, stay.</summary>
    private void Begin(ProseWord word, CasingFault fault)
    {
        var counts = CountsOf(word);
        if (counts.Dominant(0.5) == CaseForm.Other || (_isTurkish && text[word.Start] is 'i' or 'ı')) return;
        if (word.IsWhole && counts.Dominant(Sure) == CaseForm.Upper) Write(word, CaseForm.Upper, fault);
        else if (CaseForms.Capitalize(_characters.AsSpan(word.Start, word.Length)) && _characters[word.Start] != text[word.Start]) _faults |= fault;
    }

    private void Write(ProseWord word, CaseForm form, CasingFault fault)
    {
        var written = _characters.AsSpan(word.Start, word.Length);
        CaseForms.Apply(written, form);
        if (!written.SequenceEqual(text.AsSpan(word.Start, word.Length))) _faults |= fault;
    }

    private CaseCounts CountsOf(ProseWord word) => statistics.Of(word.KeyIn(text));
}
