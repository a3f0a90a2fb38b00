namespace Zephyr.Data.Text;

/// <summary>One merge: two pieces that become a third.</summary>
internal readonly record struct Merge(int Left, int Right, int Result);

/// <summary>
/// The merges of a SentencePiece BPE model in their order. The file has no merges, only pieces with scores: the merges
/// are all ways to split a piece into two pieces, the best score first, and among equals by id of result, left and right.
/// This is the list that a <c>tokenizer.json</c> made from the same file contains.
/// </summary>
internal sealed class MergeTable
{
    /// <summary>The rank of a pair that does not merge: after every other.</summary>
    public const int None = int.MaxValue;

    private readonly Merge[] _merges;
    private readonly Slot[] _slots;
    private readonly int _shift;

    public MergeTable(SentencePieceModel model)
    {
        _merges = Order(AllSplits(model), model.Pieces);
        var bits = Math.Max(4, 32 - int.LeadingZeroCount(2 * _merges.Length));
        _slots = new Slot[1 << bits];
        _shift = 64 - bits;
        for (var rank = 0; rank < _merges.Length; rank++)
        {
            var key = Key(_merges[rank].Left, _merges[rank].Right);
            var at = Home(key);
            while (_slots[at].Key != 0) at = (at + 1) & (_slots.Length - 1);
            _slots[at] = new Slot(key, rank);
        }
    }

    /// <summary>The merges, the one to do first in front.</summary>
    public IReadOnlyList<Merge> Merges => _merges;

    /// <summary>The place of a pair in the order; <see cref="None"/> when it does not merge.</summary>
    public int Rank(int left, int right)
    {
        var key = Key(left, right);
        for (var at = Home(key); ; at = (at + 1) & (_slots.Length - 1))
        {
            ref readonly var slot = ref _slots[at];
            if (slot.Key == key) return slot.Rank;
            if (slot.Key == 0) return None;
        }
    }

    /// <summary>The piece that the merge of this rank gives.</summary>
    public int Result(int rank) => _merges[rank].Result;

    // A pair is merged into the one piece that has its text, so it occurs once. One is added to keep 0 for empty slots.
    private static ulong Key(int left, int right) => ((ulong)(uint)left << 32 | (uint)right) + 1;

    private int Home(ulong key) => (int)(key * 0x9E3779B97F4A7C15 >> _shift);

    private static List<Merge> AllSplits(SentencePieceModel model)
    {
        var splits = new List<Merge>();
        for (var id = 0; id < model.Pieces.Count; id++)
        {
            var text = model.Pieces[id].Text.AsSpan();
            if (!model.Pieces[id].IsText) continue;
            for (var at = 1; at < text.Length; at++)
                if (model.Ids.TryGetValue(text[..at], out var left) && model.Ids.TryGetValue(text[at..], out var right)
                    && model.Pieces[left].IsText && model.Pieces[right].IsText)
                    splits.Add(new Merge(left, right, id));
        }
        return splits;
    }

    private static Merge[] Order(List<Merge> splits, IReadOnlyList<SentencePiece> pieces)
    {
        splits.Sort((a, b) =>
        {
            var byScore = pieces[b.Result].Score.CompareTo(pieces[a.Result].Score);
            if (byScore != 0) return byScore;
            if (a.Result != b.Result) return a.Result.CompareTo(b.Result);
            return a.Left != b.Left ? a.Left.CompareTo(b.Left) : a.Right.CompareTo(b.Right);
        });
        return [.. splits];
    }

    private readonly record struct Slot(ulong Key, int Rank);
}
