namespace Zephyr.Runtime;

/// <summary>
/// Which bytes of one range are given out: the lowest hole that fits, and holes that touch become one. Blocks of equal sizes therefore fall into the places that their like left,
/// step after step. Of steps whose sizes differ the range keeps more than they need at once, but least so with the lowest hole (replayed traces of training steps:
/// 477 MiB for 449 in use at the most, where the tightest hole kept 558; 457 for 406, where it kept 547); what it keeps beyond <see cref="Limit"/> is given back. Offsets only: whose memory it is, is the caller's business.
/// </summary>
/// <param name="capacity">Bytes of the range.</param>
/// <param name="release">Gives the memory of some bytes (start, count) of a hole back, which is taken again as it is touched; null where it is kept.</param>
internal sealed class BlockHeap(long capacity, Action<long, long>? release = null)
{
    /// <summary>Sizes are rounded up to this: a page, so that neighbours never share one.</summary>
    public const long Unit = 4096;

    private const long LeastIdle = 8 << 20, Piece = 1 << 20;
    private const int IdlePart = 20;

    // By their starts. There are some tens of them.
    private readonly List<(long Start, long End)> _holes = [];
    private readonly Dictionary<long, long> _sizeByStart = [];
    private readonly TouchedUnits _touched = new();
    private long _most;

    /// <summary>Bytes that are given out.</summary>
    public long InUse { get; private set; }

    /// <summary>The most that was given out since <see cref="ForgetPeak"/>.</summary>
    public long Peak { get; private set; }

    /// <summary>The end of the range that was ever given out.</summary>
    public long Top { get; private set; }

    /// <summary>Bytes that take memory: those of blocks, and of holes where blocks have been.</summary>
    public long Touched => _touched.Count * Unit;

    /// <summary>What <see cref="Touched"/> is held to: the most that was ever given out, and what may lie idle beside it.</summary>
    public long Limit => _most + Idle(_most);

    /// <summary>Bytes of holes that keep their memory where so many were given out at most: a twentieth, or 8 MiB.</summary>
    public static long Idle(long most) => Math.Max(LeastIdle, most / IdlePart);

    /// <summary>Starts the peak anew at what is given out now.</summary>
    public void ForgetPeak() => Peak = InUse;

    /// <summary>Gives out a block.</summary>
    /// <returns>Its start; -1 where the range has no room.</returns>
    public long Take(long bytes)
    {
        if (bytes > capacity) return -1;
        var size = Math.Max(Unit, (bytes + Unit - 1) / Unit * Unit);
        var start = FromHole(size);
        if (start < 0) start = FromTop(size);
        if (start < 0) return -1;
        _sizeByStart.Add(start, size);
        InUse += size;
        Peak = Math.Max(Peak, InUse);
        _most = Math.Max(_most, InUse);
        if (_touched.Touch(start / Unit, size / Unit) > 0 && release is not null) GiveBack(release);
        return start;
    }

    /// <summary>Takes a block back.</summary>
    /// <exception cref="KeyNotFoundException">None begins there.</exception>
    public void Give(long start)
    {
        var size = _sizeByStart[start];
        _sizeByStart.Remove(start);
        InUse -= size;
        var end = start + size;
        var after = ~_holes.BinarySearch((start, end));
        if (after < _holes.Count && _holes[after].Start == end)
        {
            end = _holes[after].End;
            _holes.RemoveAt(after);
        }
        if (after > 0 && _holes[after - 1].End == start) _holes[after - 1] = (_holes[after - 1].Start, end);
        else _holes.Insert(after, (start, end));
    }

    private long FromHole(long size)
    {
        for (var i = 0; i < _holes.Count; i++)
        {
            var (start, end) = _holes[i];
            if (end - start < size) continue;
            if (end - start == size) _holes.RemoveAt(i);
            else _holes[i] = (start + size, end);
            return start;
        }
        return -1;
    }

    /// <summary>From where nothing was given out yet, the hole before it included.</summary>
    private long FromTop(long size)
    {
        var reaches = _holes.Count > 0 && _holes[^1].End == Top;
        var start = reaches ? _holes[^1].Start : Top;
        if (start + size > capacity) return -1;
        if (reaches) _holes.RemoveAt(_holes.Count - 1);
        Top = start + size;
        return start;
    }

    /// <summary>From the highest holes' ends, which are taken last, and no more than must be: what is touched again costs time.</summary>
    private void GiveBack(Action<long, long> release)
    {
        for (var i = _holes.Count - 1; i >= 0 && Touched > Limit; i--)
        {
            var (start, end) = _holes[i];
            for (; end > start && Touched > Limit; end -= Piece)
            {
                var from = Math.Max(start, end - Piece);
                if (_touched.Clear(from / Unit, (end - from) / Unit) > 0) release(from, end - from);
            }
        }
    }
}
