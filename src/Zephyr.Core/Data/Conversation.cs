namespace Zephyr.Data;

/// <summary>One turn. <paramref name="Role"/> is system, user or assistant; the chat template skips any other.</summary>
public sealed record ChatMessage(string Role, string Content)
{
    /// <summary>The role names of the Zephyr template.</summary>
    public const string System = "system", User = "user", Assistant = "assistant";
}

/// <summary>Where a row came from, for error messages: a file and the 1-based line (JSON Lines) or row (Parquet) in it.</summary>
public readonly record struct RowLocation(string File, long Number, bool IsLine)
{
    /// <summary>"train.jsonl, line 12" or "train.parquet, row 12".</summary>
    public override string ToString() => $"{File}, {(IsLine ? "line" : "row")} {Number}";
}

/// <summary>A dialogue to learn from (SFT), or a text without turns.</summary>
/// <param name="Location">File and line or row.</param>
/// <param name="Messages">The turns, in order; at least one, or none where there is a <paramref name="Text"/>.</param>
/// <param name="Text">A text to learn as it stands, without the chat template; null for a dialogue.</param>
public sealed record Conversation(RowLocation Location, IReadOnlyList<ChatMessage> Messages, string? Text = null)
{
    /// <summary>"Human, assistant": each role once, in order, for messages.</summary>
    internal static string RolesOf(IEnumerable<ChatMessage> messages) => string.Join(", ", messages.Select(message => message.Role).Distinct());
}

/// <summary>
/// A preference (DPO): <paramref name="Prompt"/> ends in a user turn; <paramref name="Chosen"/> and
/// <paramref name="Rejected"/> are what follows it, each starting with an assistant turn (almost always exactly one).
/// </summary>
public sealed record PreferencePair(
    RowLocation Location,
    IReadOnlyList<ChatMessage> Prompt,
    IReadOnlyList<ChatMessage> Chosen,
    IReadOnlyList<ChatMessage> Rejected)
{
    /// <summary>Whether the row's score_chosen equals its score_rejected; null where it does not have both.</summary>
    public bool? EqualScores { get; init; }
}
