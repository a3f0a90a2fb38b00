namespace Zephyr.Data.Cleaning;

/// <summary>How a word is written.</summary>
public enum CaseForm
{
    /// <summary>hello</summary>
    Lower,

    /// <summary>Hello, I</summary>
    Title,

    /// <summary>NASA</summary>
    Upper,

    /// <summary>iPhone, McDonald; or letters of a script without cases</summary>
    Other,
}

/// <summary>Forms of words, and how to give a word another one. Every change keeps the number of characters.</summary>
internal static class CaseForms
{
    /// <summary>The form of a word of letters and apostrophes.</summary>
    public static CaseForm Of(ReadOnlySpan<char> word)
    {
        int lower = 0, upper = 0, letters = 0;
        var first = false;
        foreach (var c in word)
        {
            if (!char.IsLetter(c)) continue;
            if (letters++ == 0) first = char.IsUpper(c);
            if (char.IsUpper(c)) upper++;
            else if (char.IsLower(c)) lower++;
        }
        return letters == 0 || lower + upper < letters ? CaseForm.Other
            : upper == 0 ? CaseForm.Lower
            : first && upper == 1 ? CaseForm.Title
            : lower == 0 ? CaseForm.Upper : CaseForm.Other;
    }

    /// <summary>Writes a word in another form where each letter has exactly one other case; otherwise it stays.</summary>
    public static void Apply(Span<char> word, CaseForm form)
    {
        Span<char> changed = stackalloc char[word.Length];
        for (var i = 0; i < word.Length; i++)
        {
            var up = form == CaseForm.Upper || (form == CaseForm.Title && i == 0);
            if (!TryConvert(word[i], up, out changed[i])) return;
        }
        changed.CopyTo(word);
    }

    /// <summary>Makes a word's first letter a capital; whether it could be done.</summary>
    public static bool Capitalize(Span<char> word) => TryConvert(word[0], up: true, out word[0]);

    /// <summary>Neither ß, which has two letters for a capital, nor a letter that does not come back.</summary>
    private static bool TryConvert(char c, bool up, out char converted)
    {
        converted = c;
        if (!char.IsLetter(c) || (up ? char.IsUpper(c) : char.IsLower(c))) return true;
        var other = up ? char.ToUpperInvariant(c) : char.ToLowerInvariant(c);
        if (other == c || (up ? char.ToLowerInvariant(other) : char.ToUpperInvariant(other)) != c) return false;
        converted = other;
        return true;
    }
}
