namespace Zephyr.Data.Cleaning;

/// <summary>How often a word inside sentences is written in each form.</summary>
public readonly record struct CaseCounts(int Lower, int Title, int Upper, int Other)
{
    // Fewer occurrences say nothing.
    private const int LeastSeen = 10;

    /// <summary>Occurrences in all.</summary>
    public int Total => Lower + Title + Upper + Other;

    /// <summary>One more.</summary>
    public CaseCounts With(CaseForm form) => form switch
    {
        CaseForm.Lower => this with { Lower = Lower + 1 },
        CaseForm.Title => this with { Title = Title + 1 },
        CaseForm.Upper => this with { Upper = Upper + 1 },
        _ => this with { Other = Other + 1 },
    };

    /// <summary>The form of at least a share of the occurrences; null where there is none, or the word was seen less than ten times.</summary>
    public CaseForm? Dominant(double share)
    {
        if (Total < LeastSeen) return null;
        var least = share * Total;
        return Lower >= least ? CaseForm.Lower : Title >= least ? CaseForm.Title : Upper >= least ? CaseForm.Upper : Other >= least ? CaseForm.Other : null;
    }
}

/// <summary>How often what may end a sentence is followed by a small letter and by a capital one.</summary>
public readonly record struct EndCounts(int Lower, int Upper)
{
    /// <summary>
    /// Whether it is rather an abbreviation: a fifth of what follows it is in lower case, three times at least. Where a twentieth of all rows is cased wrongly,
    /// what ends sentences stays far below that.
    /// </summary>
    public bool IsAbbreviation => Lower >= 3 && Lower * 4 >= Upper;
}

/// <summary>
/// How a corpus writes its words, counted over turns whose own casing can be trusted. Memory is bounded by lossy counting (Manku and Motwani, 2002): whenever there are
/// more than <paramref name="most"/> words, those that were seen least are forgotten, which no word of any influence is. The same rows in the same order give the same counts.
/// </summary>
/// <param name="most">The most words, and the most sentence ends, that are held; the default takes some 100 MB.</param>
public sealed class CasingStatistics(int most = CasingStatistics.MostWords)
{
    /// <summary>How many words are held where nothing else is said.</summary>
    public const int MostWords = 500_000;

    private readonly Dictionary<string, CaseCounts> _words = [];
    private readonly Dictionary<string, EndCounts> _ends = [];

    /// <summary>The words, in no order.</summary>
    public IReadOnlyDictionary<string, CaseCounts> Words => _words;

    /// <summary>What may end sentences, with its mark ("etc."), in no order.</summary>
    public IReadOnlyDictionary<string, EndCounts> Ends => _ends;

    /// <summary>Turns that were counted.</summary>
    public long Turns { get; private set; }

    /// <summary>The most occurrences of a word that was forgotten; 0 where all were held.</summary>
    public int Forgotten { get; private set; }

    /// <summary>Counts of a word in lower case.</summary>
    public CaseCounts Of(string word) => _words.GetValueOrDefault(word);

    /// <summary>Whether "word." or the like is known not to end a sentence.</summary>
    public bool IsAbbreviation(string end) => _ends.GetValueOrDefault(end).IsAbbreviation;

    /// <summary>Counts a turn.</summary>
    public void Add(TurnCasing turn)
    {
        ArgumentNullException.ThrowIfNull(turn);
        if (!turn.IsTrusted) return;
        Turns++;
        foreach (var (word, form) in turn.Inside) _words[word] = Of(word).With(form);
        foreach (var (end, isUpper) in turn.Ends) _ends[end] = _ends.GetValueOrDefault(end) is var counts && isUpper ? counts with { Upper = counts.Upper + 1 } : counts with { Lower = counts.Lower + 1 };
        Forgotten = Math.Max(Forgotten, Math.Max(Forget(_words, counts => counts.Total), Forget(_ends, counts => counts.Lower + counts.Upper)));
    }

    /// <summary>Puts in counts that were made before.</summary>
    internal void Set(string word, CaseCounts counts) => _words[word] = counts;

    /// <inheritdoc cref="Set(string, CaseCounts)"/>
    internal void Set(string end, EndCounts counts) => _ends[end] = counts;

    /// <summary>Down to half of what may be held, so that it is seldom done. Returns the greatest count that was let go.</summary>
    private int Forget<T>(Dictionary<string, T> counts, Func<T, int> total)
    {
        var floor = 0;
        if (counts.Count <= most) return floor;
        while (counts.Count > most / 2)
        {
            floor++;
            foreach (var key in counts.Where(entry => total(entry.Value) <= floor).Select(entry => entry.Key).ToList()) counts.Remove(key);
        }
        return floor;
    }
}
