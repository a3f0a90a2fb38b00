using Zephyr.Runtime;

namespace Zephyr.Tests.Runtime;

public class BlockHeapTests
{
    private const long Unit = BlockHeap.Unit;

    [Fact]
    public void Blocks_never_overlap_and_what_is_in_use_is_their_sum()
    {
        var heap = new BlockHeap(1000 * Unit);
        var random = new SeededRandom(7, 1, 0);
        var standing = new SortedDictionary<long, long>();
        for (var turn = 0; turn < 5000; turn++)
        {
            if (standing.Count > 0 && random.NextInt(2) == 0)
            {
                var start = standing.Keys.ElementAt(random.NextInt(standing.Count));
                standing.Remove(start);
                heap.Give(start);
            }
            else if (1 + random.NextInt(40 * (int)Unit) is var bytes && heap.Take(bytes) is >= 0 and var given) standing.Add(given, (bytes + Unit - 1) / Unit * Unit);
            var end = 0L;
            foreach (var (start, size) in standing)
            {
                Assert.True(start >= end && start % Unit == 0 && start + size <= 1000 * Unit);
                end = start + size;
            }
            Assert.Equal(standing.Values.Sum(), heap.InUse);
            Assert.True(heap.Top >= end);
        }
        foreach (var start in standing.Keys) heap.Give(start);
        // All holes have become one: the whole range is to be had.
        Assert.Equal((0, 0), (heap.InUse, heap.Take(1000 * Unit)));
        Assert.Equal(-1, heap.Take(1));
        Assert.Equal(1000 * Unit, heap.Peak);
    }

    /// <summary>What glibc does not do: steps that are alike take the places of the step before, whatever small things came between.</summary>
    [Fact]
    public void Steps_that_are_alike_take_no_more_than_the_first()
    {
        var heap = new BlockHeap(1L << 30);
        var weights = Enumerable.Range(0, 10).Select(_ => heap.Take(3 * Unit)).ToList();
        Step();
        var top = heap.Top;
        for (var i = 0; i < 50; i++) Step();
        Assert.Equal(top, heap.Top);
        Assert.Equal(10 * 3 * Unit, heap.InUse);
        Assert.Equal(10, weights.Distinct().Count());

        void Step()
        {
            var kept = Enumerable.Range(0, 20).Select(i => (Kept: heap.Take((5 + i % 3) * Unit), Passing: heap.Take(7 * Unit))).ToList();
            foreach (var (_, passing) in kept) heap.Give(passing);
            kept.Reverse();
            foreach (var (one, _) in kept) heap.Give(one);
        }
    }

    [Fact]
    public void The_lowest_hole_is_taken_and_a_peak_can_be_forgotten()
    {
        var heap = new BlockHeap(1L << 20);
        long large = heap.Take(4 * Unit), wall = heap.Take(1), small = heap.Take(2 * Unit), end = heap.Take(1);
        Assert.Equal(8 * Unit, heap.Peak);
        heap.Give(large);
        heap.Give(small);
        heap.ForgetPeak();
        Assert.Equal(2 * Unit, heap.Peak);
        Assert.Equal((large, small, large + 3 * Unit), (heap.Take(3 * Unit), heap.Take(2 * Unit), heap.Take(Unit)));
        Assert.Throws<KeyNotFoundException>(() => heap.Give(end + Unit));
        Assert.Equal(4 * Unit, wall);
    }

    /// <summary>Steps of which none is like another: what lies idle is held to its limit, no block loses its memory, and what is given back was there.</summary>
    [Fact]
    public void What_was_touched_is_held_to_little_more_than_was_ever_in_use()
    {
        var (touched, standing, released) = (new HashSet<long>(), new List<(long Start, long Units)>(), 0L);
        var heap = new BlockHeap(1L << 30, Release);
        var random = new SeededRandom(7, 2, 0);
        for (var step = 0; step < 30; step++)
        {
            // Large ones find no room between the small ones that stay.
            while (heap.InUse < 60 << 20) Take(1 + random.NextInt(200));
            GiveAllBut(20 << 20);
            while (heap.InUse < 60 << 20) Take(1 + random.NextInt(2000));
            GiveAllBut(20 << 20);
        }
        Assert.True(released > 100 << 20, $"{released} bytes given back");

        void GiveAllBut(long bytes)
        {
            while (heap.InUse > bytes)
            {
                var at = random.NextInt(standing.Count);
                heap.Give(standing[at].Start);
                standing.RemoveAt(at);
            }
        }

        void Take(long units)
        {
            var start = heap.Take(units * Unit);
            Assert.True(start >= 0);
            standing.Add((start, units));
            touched.UnionWith(Units(start, units * Unit));
            Assert.Equal(touched.Count * Unit, heap.Touched);
            Assert.InRange(heap.Touched, heap.InUse, heap.Limit);
            Assert.Equal(heap.Peak + Math.Max(8 << 20, heap.Peak / 20), heap.Limit);
        }

        void Release(long start, long bytes)
        {
            Assert.DoesNotContain(standing, block => block.Start < start + bytes && start < block.Start + block.Units * Unit);
            var before = touched.Count;
            touched.ExceptWith(Units(start, bytes));
            Assert.True(touched.Count < before);
            released += bytes;
        }

        static IEnumerable<long> Units(long start, long bytes) => Enumerable.Range((int)(start / Unit), (int)(bytes / Unit)).Select(unit => (long)unit);
    }

    [Fact]
    public void Steps_that_are_alike_give_nothing_back()
    {
        var released = 0;
        var heap = new BlockHeap(1L << 30, (_, _) => released++);
        for (var step = 0; step < 10; step++)
        {
            var blocks = Enumerable.Range(1, 50).Select(i => heap.Take(i * 20 * Unit)).ToList();
            foreach (var block in blocks) heap.Give(block);
        }
        Assert.Equal((0, heap.Top, heap.Peak), (released, heap.Touched, heap.Touched));
    }

    [Fact]
    public void Touched_units_are_those_of_a_set()
    {
        var (units, set, random) = (new TouchedUnits(), new HashSet<long>(), new SeededRandom(7, 3, 0));
        Assert.Equal(1300, units.Touch(0, 1300));
        Assert.Equal(1300, units.Clear(0, 1300));
        for (var turn = 0; turn < 3000; turn++)
        {
            var (first, count) = (random.NextInt(1000), 1 + random.NextInt(300));
            var range = Enumerable.Range(first, count).Select(unit => (long)unit).ToList();
            var before = set.Count;
            if (turn % 2 == 0)
            {
                set.UnionWith(range);
                Assert.Equal(set.Count - before, units.Touch(first, count));
            }
            else
            {
                set.ExceptWith(range);
                Assert.Equal(before - set.Count, units.Clear(first, count));
            }
            Assert.Equal(set.Count, units.Count);
        }
    }
}
