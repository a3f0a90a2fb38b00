using System.Buffers;
using System.Text;

namespace Zephyr.Data.Text;

/// <summary>
/// Byte-pair encoding of one word: its characters become pieces, then the pair of lowest rank is merged, the leftmost of
/// equals, until none merges. This is the order of Hugging Face's fast tokenizers (SentencePiece gives the same ids).
/// </summary>
internal sealed class WordEncoder
{
    // Above this a scan for the best pair after each merge costs more than a queue of pairs.
    private const int LongestScanned = 32;

    private readonly SentencePieceModel _model;
    private readonly MergeTable _merges;
    private readonly int[] _idOfCharacter = new int[char.MaxValue + 1];

    public WordEncoder(SentencePieceModel model, MergeTable merges)
    {
        _model = model;
        _merges = merges;
        Array.Fill(_idOfCharacter, -1);
        for (var id = 0; id < model.Pieces.Count; id++)
            if (model.Pieces[id] is { IsText: true, Text: [var single] }) _idOfCharacter[single] = id;
    }

    /// <summary>The most ids a word of so many UTF-16 units can have: three UTF-8 bytes a unit.</summary>
    public static int MaxIds(int units) => 3 * units;

    /// <summary>Encodes well-formed UTF-16 into <paramref name="ids"/> and returns how many there are.</summary>
    public int Encode(ReadOnlySpan<char> word, Span<int> ids)
    {
        var count = Symbols(word, ids);
        if (count < 2) return count;
        return count <= LongestScanned ? MergeByScan(ids[..count]) : MergeByQueue(ids[..count]);
    }

    /// <summary>One piece a character, or its bytes where the vocabulary lacks it.</summary>
    private int Symbols(ReadOnlySpan<char> word, Span<int> ids)
    {
        Span<byte> utf8 = stackalloc byte[4];
        var count = 0;
        foreach (var character in word.EnumerateRunes())
        {
            var id = character.IsBmp ? _idOfCharacter[character.Value] : SupplementaryId(character);
            if (id >= 0)
            {
                ids[count++] = id;
                continue;
            }
            foreach (var value in utf8[..character.EncodeToUtf8(utf8)]) ids[count++] = _model.ByteId(value);
        }
        return count;
    }

    private int SupplementaryId(Rune character)
    {
        Span<char> pair = stackalloc char[2];
        character.EncodeToUtf16(pair);
        return _model.Ids.TryGetValue(pair, out var id) && _model.Pieces[id].IsText ? id : -1;
    }

    private int MergeByScan(Span<int> ids)
    {
        Span<int> ranks = stackalloc int[LongestScanned];   // ranks[i] is that of the pair (i, i + 1)
        var count = ids.Length;
        for (var i = 0; i + 1 < count; i++) ranks[i] = _merges.Rank(ids[i], ids[i + 1]);
        while (count > 1)
        {
            var best = 0;
            for (var i = 1; i < count - 1; i++)
                if (ranks[i] < ranks[best]) best = i;
            if (ranks[best] == MergeTable.None) break;

            ids[best] = _merges.Result(ranks[best]);
            ids[(best + 2)..count].CopyTo(ids[(best + 1)..]);
            ranks[(best + 1)..(count - 1)].CopyTo(ranks[best..]);
            count--;
            if (best > 0) ranks[best - 1] = _merges.Rank(ids[best - 1], ids[best]);
            if (best < count - 1) ranks[best] = _merges.Rank(ids[best], ids[best + 1]);
        }
        return count;
    }

    private int MergeByQueue(Span<int> ids)
    {
        var rented = ArrayPool<int>.Shared.Rent(3 * ids.Length);
        try
        {
            return new LongMerge(_merges, ids, rented).Run();
        }
        finally
        {
            ArrayPool<int>.Shared.Return(rented);
        }
    }

    /// <summary>A linked list of pieces and a queue of the pairs in it, ordered by (rank, position).</summary>
    private readonly ref struct LongMerge
    {
        private readonly MergeTable _merges;
        private readonly Span<int> _ids, _next, _previous, _ranks;
        private readonly PriorityQueue<int, ulong> _pairs;

        public LongMerge(MergeTable merges, Span<int> ids, Span<int> work)
        {
            var count = ids.Length;
            _merges = merges;
            _ids = ids;
            _next = work[..count];
            _previous = work.Slice(count, count);
            _ranks = work.Slice(2 * count, count);
            _pairs = new(count);
            for (var i = 0; i < count; i++) (_next[i], _previous[i]) = (i + 1, i - 1);
            for (var i = 0; i < count; i++) Rate(i);
        }

        /// <summary>Merges, moves what is left to the front and returns its length.</summary>
        public int Run()
        {
            while (_pairs.TryDequeue(out var at, out var priority))
                // A pair that has changed since it was queued is there again under its new rank, or gone.
                if (_ranks[at] == (int)(priority >> 32)) MergeAt(at);
            var count = 0;
            for (var i = 0; i < _ids.Length; i = _next[i]) _ids[count++] = _ids[i];
            return count;
        }

        private void MergeAt(int at)
        {
            var gone = _next[at];
            _ids[at] = _merges.Result(_ranks[at]);
            _ranks[gone] = MergeTable.None;
            _next[at] = _next[gone];
            if (_next[at] < _ids.Length) _previous[_next[at]] = at;
            Rate(at);
            if (_previous[at] >= 0) Rate(_previous[at]);
        }

        private void Rate(int at)
        {
            var right = _next[at];
            _ranks[at] = right < _ids.Length ? _merges.Rank(_ids[at], _ids[right]) : MergeTable.None;
            if (_ranks[at] != MergeTable.None) _pairs.Enqueue(at, (ulong)_ranks[at] << 32 | (uint)at);
        }
    }
}
