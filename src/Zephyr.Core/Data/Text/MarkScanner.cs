using System.Buffers;

namespace Zephyr.Data.Text;

/// <summary>Finds the pieces that are never spelled from text but stand for themselves: marks such as <c>&lt;/s&gt;</c>.</summary>
internal sealed class MarkScanner
{
    private readonly (string Text, int Id)[] _marks;
    private readonly SearchValues<string> _search;

    public MarkScanner(SentencePieceModel model)
    {
        // The longest first: where one mark begins another, the longer one is meant.
        _marks = [.. model.Pieces
            .Select((piece, id) => (piece, id))
            .Where(x => x.piece.IsMark)
            .Select(x => (x.piece.Text, x.id))
            .OrderByDescending(mark => mark.Text.Length)];
        _search = SearchValues.Create([.. _marks.Select(mark => mark.Text)], StringComparison.Ordinal);
    }

    /// <summary>The first mark in a text; its length is 0 when there is none, and it then starts at the end.</summary>
    public (int Start, int Length, int Id) FindFirst(ReadOnlySpan<char> text)
    {
        var start = text.IndexOfAny(_search);
        if (start < 0) return (text.Length, 0, -1);
        foreach (var (mark, id) in _marks)
            if (text[start..].StartsWith(mark, StringComparison.Ordinal)) return (start, mark.Length, id);
        throw new InvalidOperationException("a mark was found that is none");
    }
}
