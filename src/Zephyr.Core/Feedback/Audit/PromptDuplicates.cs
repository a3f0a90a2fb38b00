using Zephyr.Data;
using Zephyr.Data.Cleaning;

namespace Zephyr.Feedback.Audit;

/// <summary>Two prompts that are nearly the same.</summary>
/// <param name="First">The first 16 digits of one's <c>prompt_id</c>.</param>
/// <param name="Second">Of the other one's.</param>
/// <param name="Jaccard">How alike their sets of word 5-grams are.</param>
public sealed record NearDuplicatePair(string First, string Second, double Jaccard);

/// <summary>Prompts that say the same as others.</summary>
/// <param name="Threshold">From which Jaccard similarity of their word 5-grams two prompts are near-duplicates.</param>
/// <param name="SameWords">Rows whose prompt has the same words in the same order as another row's, beyond the first of each: case, spaces and punctuation aside.</param>
/// <param name="NearDuplicates">Different prompts that are joined to others by near-duplicates, beyond the first of each group.</param>
/// <param name="Groups">Groups of prompts that are joined by near-duplicates.</param>
/// <param name="First">Some of the pairs that join them, 20 at most.</param>
public sealed record DuplicateRecord(double Threshold, int SameWords, int NearDuplicates, int Groups, IReadOnlyList<NearDuplicatePair> First);

/// <summary>
/// Finds prompts that are the same or nearly so among any number of them. Candidates come from MinHash signatures of the sets of
/// word 5-grams, cut into 42 bands of 3: two sets of similarity s meet in one with a probability of 1 - (1 - s^3)^42, 99.6 % for 0.5 and
/// all but 1e-7 for 0.7. Every candidate's similarity is then computed from the sets themselves. A prompt of fewer than five words is one
/// gram. In memory are some 250 bytes a prompt; the sets are in a nameless file. The order of the prompts changes nothing.
/// </summary>
internal sealed class PromptDuplicates(double threshold) : IDisposable
{
    private const int GramWords = 5, Named = 20;

    // Among prompts of one template thousands can meet in a band; each is then compared with the next few, in an order that is drawn.
    private const int MostPairwise = 32, Neighbours = 8;

    private readonly GramSets _sets = new();
    private readonly MinHash _hash = new();
    private readonly Dictionary<ulong, int> _byWords = [];
    private readonly List<(ulong Words, ulong Id, uint[] Bands)> _prompts = [];
    private int _sameWords;

    /// <summary>Adds a prompt.</summary>
    /// <returns>Its number, which prompts of the same words share; -1 for one without words, which is none.</returns>
    public int Add(string prompt)
    {
        var words = WordNgrams.WordsOf(prompt);
        if (words.Length == 0) return -1;
        var (key, id) = (WordNgrams.Of(words, words.Length).Single(), unchecked((ulong)PromptKey.Of(prompt)));
        if (_byWords.TryGetValue(key, out var known))
        {
            _sameWords++;
            if (id < _prompts[known].Id) _prompts[known] = _prompts[known] with { Id = id };
            return known;
        }
        ulong[] grams = [.. WordNgrams.Of(words, Math.Min(GramWords, words.Length)).Distinct().Order()];
        _byWords.Add(key, _prompts.Count);
        _prompts.Add((key, id, _hash.Bands(grams)));
        _sets.Add(grams);
        return _prompts.Count - 1;
    }

    /// <summary>Of each prompt, by its number, the number of its group: that of one of its members.</summary>
    public int[] Groups()
    {
        var (groups, _) = Join();
        return [.. Enumerable.Range(0, _prompts.Count).Select(groups.Find)];
    }

    /// <summary>What was found.</summary>
    public DuplicateRecord ToRecord()
    {
        var (groups, joined) = Join();
        var sizes = Enumerable.Range(0, _prompts.Count).CountBy(groups.Find).Where(group => group.Value > 1).ToList();
        return new(threshold, _sameWords, sizes.Sum(group => group.Value - 1), sizes.Count,
            [.. joined.OrderBy(pair => pair.First, StringComparer.Ordinal).ThenBy(pair => pair.Second, StringComparer.Ordinal).Take(Named)]);
    }

    /// <inheritdoc/>
    public void Dispose() => _sets.Dispose();

    private (DisjointSets Groups, List<NearDuplicatePair> Joined) Join()
    {
        var groups = new DisjointSets(_prompts.Count);
        var joined = new List<NearDuplicatePair>();
        var apart = new HashSet<(int, int)>();
        foreach (var (a, b) in Candidates())
        {
            if (groups.Same(a, b) || apart.Contains((a, b))) continue;
            var jaccard = _sets.Jaccard(a, b);
            if (jaccard < threshold)
            {
                // Only to spare a second comparison: without more of them it takes longer and is the same.
                if (apart.Count < 1_000_000) apart.Add((a, b));
                continue;
            }
            groups.Join(a, b);
            joined.Add(Pair(a, b, jaccard));
        }
        return (groups, joined);
    }

    /// <summary>Pairs that meet in a band, in an order that depends on the texts alone; some come several times.</summary>
    private IEnumerable<(int, int)> Candidates()
    {
        int[] order = [.. Enumerable.Range(0, _prompts.Count)];
        for (var band = 0; band < MinHash.BandCount; band++)
        {
            var (at, prompts) = (band, _prompts);
            Array.Sort(order, (a, b) => prompts[a].Bands[at].CompareTo(prompts[b].Bands[at]) is not 0 and var byBand ? byBand : prompts[a].Words.CompareTo(prompts[b].Words));
            for (int start = 0, end; start < order.Length; start = end)
            {
                for (end = start + 1; end < order.Length && _prompts[order[end]].Bands[band] == _prompts[order[start]].Bands[band];) end++;
                for (var i = start; i < end; i++)
                    for (var j = i + 1; j < end && (end - start <= MostPairwise || j <= i + Neighbours); j++)
                        yield return (Math.Min(order[i], order[j]), Math.Max(order[i], order[j]));
            }
        }
    }

    private NearDuplicatePair Pair(int a, int b, double jaccard)
    {
        var (first, second) = (Math.Min(_prompts[a].Id, _prompts[b].Id), Math.Max(_prompts[a].Id, _prompts[b].Id));
        return new($"{first:x16}", $"{second:x16}", jaccard);
    }
}
