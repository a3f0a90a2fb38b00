namespace Zephyr.Data.Text;

/// <summary>A stretch of a text in UTF-16 units: from <paramref name="Start"/> up to, not including, <paramref name="End"/>.</summary>
public readonly record struct CharSpan(int Start, int End);

/// <summary>Token ids with the stretch of text that each stands for.</summary>
/// <param name="Ids">The ids.</param>
/// <param name="Spans">
/// One for each id. The space that is put before a segment has no width; the bytes of one character all have its span.
/// </param>
public sealed record EncodedText(int[] Ids, CharSpan[] Spans);
