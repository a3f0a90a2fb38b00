using System.Text;

namespace Zephyr.Serving;

/// <summary>
/// Ends a text that comes in pieces before the first of some strings. What may be the beginning of one is held back until it is known not to be. Which string ends the
/// text does not depend on how it is cut into pieces: the one that is complete first, and of those that are complete at the same character the longest.
/// </summary>
internal sealed class StopStrings(IReadOnlyList<string> stops)
{
    private readonly StringBuilder _held = new();

    /// <summary>A stop string has come; nothing is given out any more.</summary>
    public bool Reached { get; private set; }

    /// <summary>Takes a piece and returns what can be shown.</summary>
    public string Append(string piece)
    {
        if (Reached || piece.Length == 0) return "";
        if (stops.Count == 0) return piece;
        var text = _held.Append(piece).ToString();
        _held.Clear();
        var (start, end) = First(text);
        if (end >= 0)
        {
            Reached = true;
            return text[..start];
        }
        var shown = text.Length - Beginning(text);
        _held.Append(text, shown, text.Length - shown);
        return text[..shown];
    }

    /// <summary>What was held back, at the end of the text.</summary>
    public string Flush()
    {
        var rest = _held.ToString();
        _held.Clear();
        return Reached ? "" : rest;
    }

    private (int Start, int End) First(string text)
    {
        var (start, end) = (-1, -1);
        foreach (var stop in stops)
        {
            var at = text.IndexOf(stop, StringComparison.Ordinal);
            if (at < 0 || (end >= 0 && (at + stop.Length > end || (at + stop.Length == end && at >= start)))) continue;
            (start, end) = (at, at + stop.Length);
        }
        return (start, end);
    }

    /// <summary>Length of the longest end of the text that a stop string begins with.</summary>
    private int Beginning(string text)
    {
        for (var length = Math.Min(text.Length, stops.Max(stop => stop.Length) - 1); length > 0; length--)
        {
            var end = text.AsSpan(text.Length - length);
            foreach (var stop in stops)
                if (stop.Length > length && end.SequenceEqual(stop.AsSpan(0, length))) return length;
        }
        return 0;
    }
}
