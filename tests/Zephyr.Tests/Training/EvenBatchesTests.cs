using Zephyr.Data.Batches;
using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Tests.Training;

public class EvenBatchesTests
{
    [Fact]
    public void The_longest_row_goes_first_and_into_the_emptiest_micro_batch()
    {
        // 30 tokens need three: 9, 7 and 6 open them, then 4 joins the 6, 3 the 7 and 1 the 9.
        Assert.Equal([[0, 5], [1, 4], [2, 3]], EvenBatches.Of([9, 7, 6, 4, 3, 1], 11));
        Assert.Equal([[0, 5], [1, 2], [3, 4]], EvenBatches.Of([1, 6, 4, 7, 3, 9], 11));
        Assert.Equal([[0, 2], [1, 3]], EvenBatches.Of([5, 5, 5, 5], 10));
        Assert.Equal([[0, 1, 2]], EvenBatches.Of([3, 1, 2], 6));
        Assert.Equal([[0], [1], [2]], EvenBatches.Of([6, 6, 6], 10));
    }

    /// <summary>Emptiest first comes to 5, 4 and 5, 3 and has no room for the last 3 in either.</summary>
    [Fact]
    public void Where_best_fit_needs_fewer_its_micro_batches_are_taken()
    {
        Assert.Equal([[0, 1], [2, 3, 4]], EvenBatches.Of([5, 5, 4, 3, 3], 10));
        // Best fit has 11 | 7, 5, 1 | 5, 4, 4; the 1 goes to the 11.
        Assert.Equal([[0, 6], [1, 2], [3, 4, 5]], EvenBatches.Of([11, 7, 5, 5, 4, 4, 1], 13));
    }

    /// <summary>Short rows, long rows, equal rows, and two kinds of rows, under limits from the longest row on.</summary>
    [Theory]
    [InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5), InlineData(6), InlineData(7), InlineData(8)]
    public void Any_rows_are_divided_wholly_under_the_limit_into_few_and_even_micro_batches(long seed)
    {
        var random = new SeededRandom(seed);
        var least = 0;
        for (var trial = 0; trial < 200; trial++)
        {
            var longest = 1 + random.NextInt(trial % 2 == 0 ? 20 : 2000);
            int[] tokens = [.. Enumerable.Range(0, 1 + random.NextInt(130)).Select(_ => (trial % 4) switch
            {
                0 => 1 + random.NextInt(longest),
                1 => 1 + (int)(longest * Math.Pow(random.NextInt(1000) / 1000.0, 3)),
                2 => random.NextInt(2) == 0 ? longest : 1 + longest / 3,
                _ => longest,
            })];
            var limit = tokens.Max() + random.NextInt(1 + 4 * longest);
            var batches = EvenBatches.Of(tokens, limit);
            Assert.Equal(Enumerable.Range(0, tokens.Length), batches.SelectMany(rows => rows).Order());
            var sums = batches.Select(rows => rows.Sum(row => tokens[row])).ToList();
            Assert.All(sums, sum => Assert.InRange(sum, 1, limit));

            var bestFit = BestFitDecreasing.Place(tokens, limit).Length;
            Assert.InRange(batches.Count, EvenBatches.LeastOf(tokens, limit), bestFit);
            if (bestFit == EvenBatches.LeastOf(tokens, limit)) least++;
            var shortestOfLargest = batches.Where((_, i) => sums[i] == sums.Max()).Max(rows => rows.Min(row => tokens[row]));
            Assert.InRange(sums.Max() - sums.Min(), 0, shortestOfLargest);

            Assert.Equal(batches, EvenBatches.Of(tokens, limit));
            Assert.All(batches, rows => Assert.Equal(rows.Order(), rows));
            Assert.Equal(batches.OrderBy(rows => rows[0]), batches);
        }
        Assert.True(least > 100, $"best fit should often need no more than the bound does, not {least} times of 200");
    }

    /// <summary>64 pairs of UltraFeedback's lengths: 8 micro-batches of 8192 would do if rows were water.</summary>
    [Fact]
    public void Rows_as_people_have_them_come_out_even()
    {
        var random = new SeededRandom(2);
        int[] tokens = [.. Enumerable.Range(0, 64).Select(_ => 150 + random.NextInt(700) + random.NextInt(900))];
        var sums = EvenBatches.Of(tokens, 8192).Select(rows => rows.Sum(row => tokens[row])).ToList();
        Assert.Equal((tokens.Sum() + 8191) / 8192, sums.Count);
        Assert.InRange(sums.Max() - sums.Min(), 0, sums.Max() / 40);
    }

    /// <summary>Best fit keeps a place for every amount of room: it is not asked where it is not needed.</summary>
    [Fact]
    public void Large_limits_cost_nothing() => Assert.Equal([[0], [1]], EvenBatches.Of([int.MaxValue, int.MaxValue / 2], int.MaxValue));

    [Theory]
    [InlineData(11, 1), InlineData(3, 11)]
    public void A_row_over_the_limit_is_not_divided(params int[] tokens) =>
        Assert.Throws<ArgumentOutOfRangeException>(() => EvenBatches.Of(tokens, 10));
}
