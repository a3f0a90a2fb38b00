namespace Zephyr.Runtime;

/// <summary>
/// Which bytes of one range are given out: the tightest hole that fits, the lowest of equals, and holes that touch become one. Blocks of equal sizes
/// therefore fall into the places that their like left, step after step. Offsets only: whose memory it is, is the caller's business.
/// </summary>
/// <param name="capacity">Bytes of the range.</param>
internal sealed class BlockHeap(long capacity)
{
    /// <summary>Sizes are rounded up to this: a page, so that neighbours never share one.</summary>
    public const long Unit = 4096;

    private readonly SortedSet<(long Size, long Start)> _holes = [];
    private readonly Dictionary<long, long> _sizeByStart = [], _holeByStart = [], _holeByEnd = [];

    /// <summary>Bytes that are given out.</summary>
    public long InUse { get; private set; }

    /// <summary>The most that was given out since <see cref="ForgetPeak"/>.</summary>
    public long Peak { get; private set; }

    /// <summary>The end of the range that was ever given out.</summary>
    public long Top { get; private set; }

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
        if (_holeByStart.TryGetValue(end, out var after))
        {
            Close(end, after);
            end += after;
        }
        if (_holeByEnd.TryGetValue(start, out var before))
        {
            start -= before;
            Close(start, before);
        }
        Open(start, end - start);
    }

    private long FromHole(long size)
    {
        foreach (var (room, start) in _holes.GetViewBetween((size, 0), (long.MaxValue, 0)))
        {
            Close(start, room);
            if (room > size) Open(start + size, room - size);
            return start;
        }
        return -1;
    }

    /// <summary>From where nothing was given out yet, the hole before it included.</summary>
    private long FromTop(long size)
    {
        var start = _holeByEnd.TryGetValue(Top, out var last) ? Top - last : Top;
        if (start + size > capacity) return -1;
        if (start < Top) Close(start, last);
        Top = start + size;
        return start;
    }

    private void Open(long start, long size)
    {
        _holes.Add((size, start));
        _holeByStart.Add(start, size);
        _holeByEnd.Add(start + size, size);
    }

    private void Close(long start, long size)
    {
        _holes.Remove((size, start));
        _holeByStart.Remove(start);
        _holeByEnd.Remove(start + size);
    }
}
