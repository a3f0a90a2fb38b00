using System.Diagnostics;
using System.Security.Cryptography;
using System.Text;
using Zephyr.Data.Batches;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Batches;

public class BestFitDecreasingTests
{
    [Fact]
    public void The_longest_goes_first_and_into_the_fullest_bin_with_room()
    {
        // 6 and 5 open a bin each; the first 3 fits tighter behind 6, the second one only behind 5; 2 fills the second bin, 1 the first.
        Assert.Equal([[0, 2, 4], [1, 3, 5]], Place([6, 5, 3, 3, 1, 2], 10));
        // Equal items in their order, equal rooms by age.
        Assert.Equal([[0, 3], [1, 4], [2, 5]], Place([6, 6, 6, 4, 4, 4], 10));
        Assert.Equal([[1], [0, 2]], Place([4, 10, 4], 10));
        Assert.Empty(Place([], 10));
    }

    /// <summary>The examples of TRL's pack_dataset: the same bins for the same lengths.</summary>
    [Fact]
    public void The_bins_are_those_of_trl()
    {
        Assert.Equal([[0], [2, 3], [1]], Place([4, 2, 3, 1], 4));
        Assert.Equal([[0], [3, 1], [2, 4]], Place([4, 1, 2, 3, 1], 4));
    }

    /// <summary>Made with the segment tree and the loop of TRL's data_utils.py (July 2026) over a stable order.</summary>
    [Theory]
    [InlineData(2048, 10000, 3004, "4e7a361ff1ea7376")]
    [InlineData(1000, 5000, 1468, "cf6612ecda306dae")]
    [InlineData(64, 3000, 905, "c65869c7548f7aef")]
    public void Many_bins_are_those_of_trl_too(int capacity, int count, int bins, string hash)
    {
        int[] lengths = [.. Enumerable.Range(0, count).Select(i => 1 + (int)(((long)i * i * 31 + i * 7919L) % capacity * (i % 5 + 1) / 5))];
        var placed = Place(lengths, capacity);
        var text = string.Join(';', placed.Select(bin => string.Join(',', bin)));
        Assert.Equal((bins, hash), (placed.Count, Convert.ToHexStringLower(SHA256.HashData(Encoding.ASCII.GetBytes(text)))[..16]));
    }

    [Theory]
    [InlineData(1), InlineData(2), InlineData(63), InlineData(64), InlineData(65), InlineData(700), InlineData(5000)]
    public void Bins_are_those_of_a_search_through_all_of_them(int capacity)
    {
        var random = new SeededRandom(capacity);
        int[] lengths = [.. Enumerable.Range(0, 600).Select(_ => 1 + (random.NextInt(4) == 0 ? random.NextInt(capacity) : random.NextInt(1 + capacity / 5)))];
        var bins = Place(lengths, capacity);
        Assert.Equal(Simply(lengths, capacity), bins);
        Assert.Equal(Enumerable.Range(0, lengths.Length), bins.SelectMany(bin => bin).Order());
        Assert.All(bins, bin => Assert.InRange(bin.Sum(item => lengths[item]), 1, capacity));
        // At least the space of all items; at most 11/9 of the optimum and 6/9 (the theorem), which first fit decreasing is no better than.
        Assert.InRange(bins.Count, (lengths.Sum() + capacity - 1) / capacity, (11.0 * FirstFit([.. lengths.OrderDescending()], capacity) + 6) / 9);
    }

    [Fact]
    public void Two_hundred_thousand_items_take_under_a_second()
    {
        var random = new SeededRandom(5);
        int[] lengths = [.. Enumerable.Range(0, 200_000).Select(_ => 1 + random.NextInt(2048))];
        var watch = Stopwatch.StartNew();
        var bins = Place(lengths, 2048);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 1);
        Assert.True(lengths.Sum(length => (long)length) > 0.99 * 2048 * bins.Count, "rows of random lengths can be filled almost wholly");
    }

    [Theory]
    [InlineData(0), InlineData(11)]
    public void An_item_that_no_bin_holds_is_refused(int length) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => Place([3, length], 10));

    /// <summary>The definition, bin by bin: of those with the least room that suffices, the one that has had it longest.</summary>
    private static List<List<int>> Simply(int[] lengths, int capacity)
    {
        List<(List<int> Items, int Room, int Since)> bins = [];
        var time = 0;
        foreach (var item in Enumerable.Range(0, lengths.Length).OrderByDescending(item => lengths[item]))
        {
            time++;
            var best = Enumerable.Range(0, bins.Count).Where(bin => bins[bin].Room >= lengths[item])
                .OrderBy(bin => bins[bin].Room).ThenBy(bin => bins[bin].Since).Select(bin => (int?)bin).FirstOrDefault();
            if (best is { } at) bins[at] = ([.. bins[at].Items, item], bins[at].Room - lengths[item], time);
            else bins.Add(([item], capacity - lengths[item], time));
        }
        return [.. bins.Select(bin => bin.Items)];
    }

    private static List<List<int>> Place(int[] lengths, int capacity) => [.. BestFitDecreasing.Place(lengths, capacity).Select(bin => bin.ToList())];

    private static int FirstFit(int[] lengths, int capacity)
    {
        List<int> rooms = [];
        foreach (var length in lengths)
        {
            var at = rooms.FindIndex(room => room >= length);
            if (at < 0) rooms.Add(capacity - length);
            else rooms[at] -= length;
        }
        return rooms.Count;
    }
}
