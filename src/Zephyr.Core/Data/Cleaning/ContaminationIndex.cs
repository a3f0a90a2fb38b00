namespace Zephyr.Data.Cleaning;

/// <summary>A text of an evaluation set, and where it stands.</summary>
/// <param name="Location">File and row.</param>
/// <param name="Field">The field's path: "turns[0]".</param>
/// <param name="Text">The text.</param>
public sealed record EvaluationText(RowLocation Location, string Field, string Text);

/// <summary>
/// The passages of evaluation sets, so that training rows which hold one can be found. A text of at least n words is found by any n words in a row
/// that it shares (n = 13 is GPT-3's choice); one of 8 to n - 1 words where it stands whole; a shorter one only where the other text is nothing else:
/// "What is 2 + 2?" inside a conversation is no sign of anything. It holds a number for each passage, not the texts' words.
/// </summary>
/// <param name="n">How many words in a row are a passage.</param>
public sealed class ContaminationIndex(int n)
{
    private const int LeastInside = 8;

    private readonly Dictionary<ulong, int> _wholes = [];
    private readonly SortedDictionary<int, Dictionary<ulong, int>> _passages = [];
    private readonly List<EvaluationText> _texts = [];

    /// <summary>How many texts it holds.</summary>
    public int Count => _texts.Count;

    /// <summary>Adds a text; one without words is none.</summary>
    public void Add(EvaluationText text)
    {
        ArgumentNullException.ThrowIfNull(text);
        var words = WordNgrams.WordsOf(text.Text);
        if (words.Length == 0) return;
        var length = Math.Min(n, words.Length);
        var into = words.Length < Math.Min(n, LeastInside) ? _wholes : Of(length);
        // The first text that has a passage is the one that is named.
        foreach (var passage in WordNgrams.Of(words, length)) into.TryAdd(passage, _texts.Count);
        _texts.Add(text);
    }

    /// <summary>An evaluation text of which a passage stands in <paramref name="text"/>; null where there is none. Several threads may ask at once.</summary>
    public EvaluationText? Find(string text)
    {
        var words = WordNgrams.WordsOf(text);
        if (words.Length > 0 && words.Length < LeastInside && _wholes.TryGetValue(WordNgrams.Of(words, words.Length).Single(), out var whole)) return _texts[whole];
        foreach (var (length, passages) in _passages)
            foreach (var passage in WordNgrams.Of(words, length))
                if (passages.TryGetValue(passage, out var found)) return _texts[found];
        return null;
    }

    private Dictionary<ulong, int> Of(int length)
    {
        if (!_passages.TryGetValue(length, out var passages)) _passages.Add(length, passages = []);
        return passages;
    }
}
