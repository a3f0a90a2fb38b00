using Zephyr.Data;

namespace Zephyr.Pipeline;

/// <summary>A token as the trainer has it.</summary>
/// <param name="Id">Its id.</param>
/// <param name="Piece">The vocabulary's spelling, with "▁" for a space.</param>
/// <param name="Text">What it adds to the decoded text: empty for all but the last byte of a character that is spelled in bytes.</param>
/// <param name="Role">system, user or assistant: who says it; template: what the chat template and packing put between; continued: a turn that began before the cut.</param>
/// <param name="IsLabel">Whether the loss asks for it.</param>
public sealed record InspectedToken(int Id, string Piece, string Text, string Role, bool IsLabel);

/// <summary>A stretch of an example that belongs together.</summary>
/// <param name="Name">document; or prompt, chosen and rejected.</param>
/// <param name="Location">The row it came from; null where that cannot be told.</param>
/// <param name="Tokens">Its tokens.</param>
/// <param name="TokensCut">How many more it had before it was cut to fit.</param>
public sealed record InspectedPart(string Name, RowLocation? Location, IReadOnlyList<InspectedToken> Tokens, int TokensCut);

/// <summary>A training sequence with its documents, or a pair with its prompt and answers.</summary>
/// <param name="Number">From 1, in the order of the rows.</param>
/// <param name="Location">The row it came from; null for a packed block, whose documents say it.</param>
/// <param name="Parts">Its parts in order; none where it is left out.</param>
/// <param name="LeftOut">Why the trainer never sees it; null where it does.</param>
public sealed record InspectedExample(int Number, RowLocation? Location, IReadOnlyList<InspectedPart> Parts, string? LeftOut = null);
