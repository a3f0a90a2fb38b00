namespace Zephyr.Data.Cleaning;

/// <summary>Where in its text a word stands.</summary>
internal enum WordPlace
{
    /// <summary>In a place that says nothing: behind a colon, a bracket, a number, a list's mark.</summary>
    Elsewhere,

    /// <summary>Behind another word and a space or a comma.</summary>
    Inside,

    /// <summary>The first of the text.</summary>
    TextStart,

    /// <summary>Behind the end of a sentence, unless that was an abbreviation.</summary>
    SentenceStart,

    /// <summary>The first behind a blank line.</summary>
    ParagraphStart,
}

/// <summary>A word of prose.</summary>
/// <param name="Start">Its first character.</param>
/// <param name="End">Behind its last one. Of a word with hyphens, the first part.</param>
/// <param name="Form">How it is written.</param>
/// <param name="Place">Where it stands.</param>
/// <param name="JoinsPrevious">Only a space stands between it and the word before it in the list.</param>
/// <param name="IsWhole">It has no hyphens.</param>
/// <param name="EndBefore">Of a sentence's start: what ended the one before, "hello." or "really?"; otherwise null.</param>
internal readonly record struct ProseWord(int Start, int End, CaseForm Form, WordPlace Place, bool JoinsPrevious, bool IsWhole, string? EndBefore)
{
    /// <summary>The longest word that is counted, in characters.</summary>
    public const int Longest = 32;

    public int Length => End - Start;

    /// <summary>The word in lower case, with one kind of apostrophe.</summary>
    public string KeyIn(string text) => Key(text.AsSpan(Start, Length));

    public static string Key(ReadOnlySpan<char> word) => word.ToString().ToLowerInvariant().Replace('’', '\'');
}
