using static TorchSharp.torch;

namespace Zephyr.Model.Generation;

/// <summary>
/// Keys and values of many sequences, in one tensor a layer each: a sequence has a range of rows of its own, so that a batch of them can be gathered in one go. Memory is
/// bounded by the rows. Ranges begin and end at whole blocks; on the CPU a row takes memory when it is first written, on a GPU all of them do at once.
/// </summary>
internal sealed class KeyValueArena : IDisposable
{
    /// <summary>Rows of a block. Attention always sees whole blocks, what is beyond the sequence hidden by a mask, so that its sums have the same order whoever stands beside.</summary>
    public const int Block = 64;

    private readonly Tensor[] _keys_RKE, _values_RKE;
    private readonly SortedList<int, int> _free = [];

    /// <param name="config">The model's shape.</param>
    /// <param name="rows">The most tokens that are held at a time; rounded up to whole blocks.</param>
    /// <param name="dtype">Data type of keys and values.</param>
    /// <param name="device">Where the model is.</param>
    public KeyValueArena(MistralConfig config, int rows, ScalarType dtype, Device device)
    {
        Rows = Whole(rows);
        // Where memory runs out in the middle, what was made ends with the scope.
        using var scope = NewDisposeScope();
        Tensor[] Make() => [.. Enumerable.Range(0, config.NumHiddenLayers).Select(_ => empty(Rows, config.NumKeyValueHeads, config.HeadDim, dtype: dtype, device: device))];
        (_keys_RKE, _values_RKE) = (Make(), Make());
        foreach (var layer in _keys_RKE.Concat(_values_RKE)) layer.DetachFromDisposeScope();
        _free.Add(0, Rows);
    }

    /// <summary>Tokens that can be held.</summary>
    public int Rows { get; }

    public Tensor Keys(int layer) => _keys_RKE[layer];

    public Tensor Values(int layer) => _values_RKE[layer];

    /// <summary>The tokens rounded up to whole blocks.</summary>
    public static int Whole(int tokens) => (tokens + Block - 1) / Block * Block;

    /// <summary>Hands out the first gap that is large enough; null where there is none.</summary>
    /// <param name="tokens">The most the sequence will hold.</param>
    public RowRange? TryTake(int tokens)
    {
        var rows = Whole(tokens);
        foreach (var (start, length) in _free)
        {
            if (length < rows) continue;
            _free.Remove(start);
            if (length > rows) _free.Add(start + rows, length - rows);
            return new(start, rows);
        }
        return null;
    }

    /// <summary>Takes a range back and joins it with the gaps beside it.</summary>
    public void GiveBack(RowRange range)
    {
        var (start, length) = (range.Start, range.Length);
        if (_free.Remove(start + length, out var after)) length += after;
        foreach (var (before, size) in _free)
        {
            if (before + size != start) continue;
            _free.Remove(before);
            (start, length) = (before, length + size);
            break;
        }
        _free.Add(start, length);
    }

    /// <summary>Rows that a mask hides must still be numbers: what a broken sequence may have left there is not (0 times NaN is NaN).</summary>
    public void Clear(int start, int count)
    {
        if (count == 0) return;
        using var scope = NewDisposeScope();
        foreach (var rows in _keys_RKE.Concat(_values_RKE)) rows.narrow(0, start, count).zero_();
    }

    /// <summary>Copies the first tokens of one sequence to another.</summary>
    public void Copy(RowRange from, RowRange to, int tokens)
    {
        using var scope = NewDisposeScope();
        foreach (var rows in _keys_RKE.Concat(_values_RKE)) rows.narrow(0, to.Start, tokens).copy_(rows.narrow(0, from.Start, tokens));
    }

    public void Dispose()
    {
        foreach (var rows in _keys_RKE.Concat(_values_RKE)) rows.Dispose();
    }
}

/// <summary>Rows of the arena that are one sequence's.</summary>
/// <param name="Start">The first row.</param>
/// <param name="Length">How many.</param>
internal readonly record struct RowRange(int Start, int Length);
