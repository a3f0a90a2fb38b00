using System.Numerics;

namespace Zephyr.Runtime;

/// <summary>Which units of a range take memory because they have been given out once: a bit each.</summary>
internal sealed class TouchedUnits
{
    private ulong[] _words = [];

    /// <summary>How many there are.</summary>
    public long Count { get; private set; }

    /// <summary>Some units take memory from now on.</summary>
    /// <returns>How many of them did not before.</returns>
    public long Touch(long first, long count)
    {
        var last = (int)((first + count - 1) / 64);
        if (last >= _words.Length) Array.Resize(ref _words, Math.Max(last + 1, 2 * _words.Length));
        var before = Count;
        Change(first, count, static (word, mask) => word | mask);
        return Count - before;
    }

    /// <summary>Some units take no memory any more.</summary>
    /// <returns>How many of them did before.</returns>
    public long Clear(long first, long count)
    {
        var before = Count;
        Change(first, count, static (word, mask) => word & ~mask);
        return before - Count;
    }

    private void Change(long first, long count, Func<ulong, ulong, ulong> change)
    {
        for (long at = first, end = first + count; at < end;)
        {
            var (word, bit) = Math.DivRem(at, 64);
            var taken = Math.Min(64 - bit, end - at);
            var mask = (taken == 64 ? ulong.MaxValue : (1UL << (int)taken) - 1) << (int)bit;
            ref var bits = ref _words[word];
            Count -= BitOperations.PopCount(bits);
            bits = change(bits, mask);
            Count += BitOperations.PopCount(bits);
            at += taken;
        }
    }
}
