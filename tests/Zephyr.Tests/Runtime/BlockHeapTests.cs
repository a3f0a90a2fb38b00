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
    public void The_tightest_hole_is_taken_and_a_peak_can_be_forgotten()
    {
        var heap = new BlockHeap(1L << 20);
        long large = heap.Take(4 * Unit), wall = heap.Take(1), small = heap.Take(2 * Unit), end = heap.Take(1);
        Assert.Equal(8 * Unit, heap.Peak);
        heap.Give(large);
        heap.Give(small);
        heap.ForgetPeak();
        Assert.Equal(2 * Unit, heap.Peak);
        Assert.Equal((small, large), (heap.Take(2 * Unit), heap.Take(3 * Unit)));
        Assert.Throws<KeyNotFoundException>(() => heap.Give(end + Unit));
        Assert.Equal(4 * Unit, wall);
    }
}
