namespace Zephyr.Data.Cleaning;

/// <summary>What a turn says of how words are written: made once, of any thread, and added to the statistics in the order of the rows.</summary>
/// <param name="IsTrusted">
/// Whether its casing can be learnt from: at least half of its sentences begin with a capital, and at least 60 % of the words inside them, of eight or more, are in lower case.
/// </param>
/// <param name="Inside">The words inside sentences, in lower case, with their form.</param>
/// <param name="Ends">What ended its sentences, and whether a capital follows.</param>
public sealed record TurnCasing(bool IsTrusted, IReadOnlyList<(string Word, CaseForm Form)> Inside, IReadOnlyList<(string End, bool IsUpper)> Ends)
{
    private const int LeastWords = 8;
    private const double LeastLower = 0.6;

    /// <summary>Reads a turn.</summary>
    public static TurnCasing Of(string text)
    {
        var words = ProseReader.Read(text);
        var inside = words.Where(word => word is { Place: WordPlace.Inside, IsWhole: true }).ToList();
        var starts = words.Where(word => word is { Place: WordPlace.TextStart or WordPlace.SentenceStart, Form: not CaseForm.Other }).ToList();
        var capitals = starts.Count(word => word.Form != CaseForm.Lower);
        var trusted = inside.Count >= LeastWords && capitals > 0 && capitals * 2 >= starts.Count
            && inside.Count(word => word.Form == CaseForm.Lower) >= LeastLower * inside.Count;
        if (!trusted) return new(false, [], []);
        return new(true,
            [.. inside.Where(word => word.Length <= ProseWord.Longest).Select(word => (word.KeyIn(text), word.Form))],
            [.. starts.Where(word => word.EndBefore is { Length: <= ProseWord.Longest }).Select(word => (word.EndBefore!, word.Form != CaseForm.Lower))]);
    }
}
