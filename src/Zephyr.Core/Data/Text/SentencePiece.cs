namespace Zephyr.Data.Text;

/// <summary>What a piece is for; the numbers are those of SentencePiece's file format.</summary>
public enum SentencePieceType
{
    /// <summary>Not a type: what a file without the field would read as in C#.</summary>
    None = 0,

    /// <summary>A piece of text.</summary>
    Normal = 1,

    /// <summary>Stands for text that has no other piece; unreachable where all 256 byte pieces exist.</summary>
    Unknown = 2,

    /// <summary>A mark such as <c>&lt;s&gt;</c>; never the result of a merge.</summary>
    Control = 3,

    /// <summary>Text that always stays one piece.</summary>
    UserDefined = 4,

    /// <summary>A piece that its trainer wanted merged but not used.</summary>
    Unused = 5,

    /// <summary>One byte of a character that has no piece, written <c>&lt;0x0A&gt;</c>.</summary>
    Byte = 6,
}

/// <summary>One entry of a vocabulary. Its id is its position.</summary>
/// <param name="Text">The text it stands for, with "▁" (U+2581) for a space.</param>
/// <param name="Score">Higher merges first; for models of merges minus the number of the merge.</param>
/// <param name="Type">What it is for.</param>
public readonly record struct SentencePiece(string Text, float Score, SentencePieceType Type)
{
    /// <summary>Whether merging two pieces may give this one: marks and byte pieces never arise from text.</summary>
    internal bool IsText => Type is SentencePieceType.Normal or SentencePieceType.UserDefined or SentencePieceType.Unused;

    /// <summary>Whether it is a mark that decoding can leave out.</summary>
    internal bool IsSpecial => Type is SentencePieceType.Control or SentencePieceType.Unknown;

    /// <summary>Whether text is split at it before anything else: it stands for itself and is never spelled from other pieces.</summary>
    internal bool IsMark => IsSpecial || Type == SentencePieceType.UserDefined;
}
