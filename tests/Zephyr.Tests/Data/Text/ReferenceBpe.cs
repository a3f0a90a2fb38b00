using System.Text;
using Zephyr.Data.Text;

namespace Zephyr.Tests.Data.Text;

/// <summary>The rules of encoding done the plain way: all merges listed and sorted, one scan of the whole text for each merge.</summary>
internal sealed class ReferenceBpe
{
    private readonly SentencePieceModel _model;
    private readonly Dictionary<(string, string), int> _ranks = [];

    public ReferenceBpe(SentencePieceModel model)
    {
        _model = model;
        var ids = model.Pieces.Select((piece, id) => (piece, id)).Where(x => x.piece.Type == SentencePieceType.Normal)
            .ToDictionary(x => x.piece.Text, x => x.id);
        var merges = from result in ids
                     from at in Enumerable.Range(1, result.Key.Length - 1)
                     let left = result.Key[..at]
                     let right = result.Key[at..]
                     where ids.ContainsKey(left) && ids.ContainsKey(right)
                     orderby -model.Pieces[result.Value].Score, result.Value, ids[left], ids[right]
                     select (left, right);
        foreach (var merge in merges) _ranks[merge] = _ranks.Count;
    }

    public int[] Encode(string text)
    {
        var ids = new List<int>();
        string[] marks = ["<unk>", "<s>", "</s>"];
        for (var start = 0; start < text.Length;)
        {
            var mark = marks.FirstOrDefault(m => string.CompareOrdinal(text, start, m, 0, m.Length) == 0);
            if (mark is not null)
            {
                ids.Add(_model.IdOf(mark)!.Value);
                start += mark.Length;
                continue;
            }
            var end = marks.Select(m => text.IndexOf(m, start, StringComparison.Ordinal)).Where(at => at >= 0).DefaultIfEmpty(text.Length).Min();
            ids.AddRange(EncodeSegment("▁" + text[start..end].Replace(' ', '▁')));
            start = end;
        }
        return [.. ids];
    }

    private IEnumerable<int> EncodeSegment(string segment)
    {
        var pieces = segment.EnumerateRunes().SelectMany(Symbols).ToList();
        while (true)
        {
            var (best, bestRank) = (-1, int.MaxValue);
            for (var i = 0; i + 1 < pieces.Count; i++)
                if (_ranks.TryGetValue((pieces[i], pieces[i + 1]), out var rank) && rank < bestRank) (best, bestRank) = (i, rank);
            if (best < 0) return pieces.Select(piece => _model.IdOf(piece)!.Value);
            pieces[best] += pieces[best + 1];
            pieces.RemoveAt(best + 1);
        }
    }

    private IEnumerable<string> Symbols(Rune character) =>
        _model.IdOf(character.ToString()) is not null
            ? [character.ToString()]
            : Encoding.UTF8.GetBytes(character.ToString()).Select(value => $"<0x{value:X2}>");
}
