using System.Numerics;

namespace Zephyr.Data.Batches;

/// <summary>
/// Bin packing by best fit decreasing: the longest item first, each into the fullest bin that still has room for it, or into a new one.
/// Among equally full bins the one that became so first is taken, and equal items keep their order, so the result is one function of the lengths.
/// </summary>
internal static class BestFitDecreasing
{
    /// <summary>Places items into bins; O(n log n) for the order and about constant time for each item.</summary>
    /// <param name="lengths">1 to <paramref name="capacity"/> each.</param>
    /// <param name="capacity">What a bin holds.</param>
    /// <returns>Bins in the order they were opened, each with the indices of its items in the order they were placed.</returns>
    public static ArraySegment<int>[] Place(IReadOnlyList<int> lengths, int capacity)
    {
        // Numbers only, a few for each item: a set of a million rows has as many.
        var (placed, binOf, sizes) = (new int[lengths.Count], new int[lengths.Count], new List<int>());
        var count = 0;
        var binsByRoom = new Queue<int>?[capacity + 1];
        var rooms = new NumberSet(capacity);
        foreach (var item in Enumerable.Range(0, lengths.Count).OrderByDescending(item => lengths[item]))
        {
            var length = lengths[item];
            ArgumentOutOfRangeException.ThrowIfLessThan(length, 1, nameof(lengths));
            ArgumentOutOfRangeException.ThrowIfGreaterThan(length, capacity, nameof(lengths));
            var (bin, room) = (sizes.Count, capacity);
            if (rooms.FirstFrom(length) is { } tightest)
            {
                (bin, room) = (binsByRoom[tightest]!.Dequeue(), tightest);
                if (binsByRoom[tightest]!.Count == 0) rooms.Remove(tightest);
            }
            else
            {
                sizes.Add(0);
            }
            sizes[bin]++;
            (placed[count], binOf[count++]) = (item, bin);
            if (room == length) continue;
            (binsByRoom[room - length] ??= new()).Enqueue(bin);
            rooms.Add(room - length);
        }
        return Group(placed, binOf, sizes);
    }

    /// <summary>The items of each bin beside each other, in the order in which they were placed.</summary>
    private static ArraySegment<int>[] Group(int[] placed, int[] binOf, List<int> sizes)
    {
        var (items, bins, ends) = (new int[placed.Length], new ArraySegment<int>[sizes.Count], new int[sizes.Count]);
        for (int bin = 0, start = 0; bin < bins.Length; start += sizes[bin++])
        {
            bins[bin] = new(items, start, sizes[bin]);
            ends[bin] = start;
        }
        for (var i = 0; i < placed.Length; i++) items[ends[binOf[i]]++] = placed[i];
        return bins;
    }

    /// <summary>
    /// A set of numbers from 0 to a limit that finds the next one from a given number on. Level 0 has a bit for each number, and each level
    /// above it a bit for each 64 of the level below that says whether any of them is set: four levels reach sixteen million.
    /// </summary>
    private sealed class NumberSet
    {
        private readonly List<ulong[]> _levels = [];

        public NumberSet(int limit)
        {
            for (var size = limit + 1; _levels.Count == 0 || size > 1; size = _levels[^1].Length) _levels.Add(new ulong[(size + 63) / 64]);
        }

        public void Add(int number)
        {
            foreach (var level in _levels)
            {
                level[number / 64] |= 1UL << (number % 64);
                number /= 64;
            }
        }

        public void Remove(int number)
        {
            foreach (var level in _levels)
            {
                if ((level[number / 64] &= ~(1UL << (number % 64))) != 0) return;
                number /= 64;
            }
        }

        /// <summary>The smallest number of the set that is at least <paramref name="number"/>; null where there is none.</summary>
        public int? FirstFrom(int number)
        {
            // Up until a word holds a set bit at or behind the place, then down along the first set bits.
            for (var i = 0; i < _levels.Count && number / 64 < _levels[i].Length; i++)
            {
                var rest = _levels[i][number / 64] & (~0UL << (number % 64));
                if (rest == 0)
                {
                    number = number / 64 + 1;
                    continue;
                }
                number = number / 64 * 64 + BitOperations.TrailingZeroCount(rest);
                while (i-- > 0) number = number * 64 + BitOperations.TrailingZeroCount(_levels[i][number]);
                return number;
            }
            return null;
        }
    }
}
