using Zephyr.Data.Sources;
using Zephyr.Objectives;
using Zephyr.Training;

namespace Zephyr.Tests.Training;

public class BatchPlanTests
{
    [Theory]
    [InlineData(1, 1, 1)]
    [InlineData(11, 2, 2)]
    [InlineData(12, 2, 3)]
    [InlineData(5, 8, 4)]
    [InlineData(100, 7, 3)]
    public void Each_epoch_sees_every_row_once_in_an_order_of_its_own(int rows, int batch, int accumulation)
    {
        var plan = new BatchPlan(rows, batch, accumulation, 42);
        var orders = Enumerable.Range(0, 3).Select(epoch => Steps(plan, epoch).SelectMany(step => step).SelectMany(micro => micro).ToArray()).ToList();
        Assert.All(orders, order => Assert.Equal(Enumerable.Range(0, rows), order.Order()));
        if (rows > 10) Assert.Equal(3, orders.Select(order => string.Join(' ', order)).Distinct().Count());
    }

    [Fact]
    public void Micro_batches_are_full_but_for_the_last_of_an_epoch()
    {
        var plan = new BatchPlan(11, 2, 2, 42);
        Assert.Equal(3, plan.StepsPerEpoch);
        Assert.Equal([[2, 2], [2, 2], [2, 1]], Steps(plan, 0).Select(step => step.Select(micro => micro.Length).ToArray()));
        Assert.Equal([[2]], Steps(new(2, 2, 2, 42), 0).Select(step => step.Select(micro => micro.Length).ToArray()));
    }

    [Fact]
    public void A_step_is_a_pure_function_of_seed_and_number()
    {
        BatchPlan plan = new(11, 2, 2, 42), same = new(11, 2, 2, 42), other = new(11, 2, 2, 43);
        foreach (var step in new[] { 7, 1, 9, 4, 1 }) Assert.Equal(plan.MicroBatches(step), same.MicroBatches(step));
        // Asked in another order than before, and after a jump between epochs.
        Assert.Equal(new BatchPlan(11, 2, 2, 42).MicroBatches(2), plan.MicroBatches(2));
        Assert.NotEqual(Steps(plan, 0).SelectMany(step => step).SelectMany(micro => micro), Steps(other, 0).SelectMany(step => step).SelectMany(micro => micro));
    }

    /// <summary>Batch size and accumulation cut the same order into portions.</summary>
    [Fact]
    public void The_order_does_not_depend_on_the_portions() =>
        Assert.Equal(
            Steps(new(24, 8, 1, 42), 1).SelectMany(step => step).SelectMany(micro => micro),
            Steps(new(24, 2, 3, 42), 1).SelectMany(step => step).SelectMany(micro => micro));

    [Fact]
    public void Without_a_seed_the_rows_keep_their_order() =>
        Assert.Equal([[0, 1], [2, 3], [4]], new BatchPlan(5, 2, 3, null).MicroBatches(2));

    // 11 rows, 2 a micro-batch, 2 a step: 3 steps an epoch. transformers: ceil(epochs * steps an epoch).
    [Theory]
    [InlineData(1, -1, 3)]
    [InlineData(3, -1, 9)]
    [InlineData(1.5, -1, 5)]
    [InlineData(0.01, -1, 1)]
    [InlineData(3, 2, 2)]
    [InlineData(1, 100, 100)]
    public void Steps_come_from_epochs_unless_they_are_given(double epochs, int maxSteps, int expected)
    {
        var plan = new BatchPlan(11, 2, 2, 42);
        Assert.Equal(expected, plan.TotalSteps(epochs, maxSteps));
        Assert.Equal(expected / 3.0, plan.EpochAfter(expected));
    }

    /// <summary>A row of every step, in the same order of the epochs: only who is run with whom changes.</summary>
    [Theory]
    [InlineData(4, 25)]
    [InlineData(8, 60)]
    [InlineData(1000, 20)]
    public void Tokens_divide_the_rows_of_a_step_and_choose_no_others(int accumulation, int maxTokens)
    {
        var random = new Zephyr.Runtime.SeededRandom(3);
        var tokens = Enumerable.Range(0, 101).Select(_ => 1 + random.NextInt(20)).ToArray();
        var byRows = new BatchPlan(101, 2, accumulation, 42);
        var byTokens = byRows with { MaxTokens = maxTokens, TokensOf = row => tokens[row] };
        Assert.Equal((byRows.StepsPerEpoch, byRows.TotalSteps(2, -1)), (byTokens.StepsPerEpoch, byTokens.TotalSteps(2, -1)));
        for (var step = 1; step <= 2 * byRows.StepsPerEpoch; step++)
        {
            Assert.Equal(byRows.MicroBatches(step).SelectMany(rows => rows).Order(), byTokens.MicroBatches(step).SelectMany(rows => rows).Order());
            Assert.All(byTokens.MicroBatches(step), rows => Assert.InRange(rows.Sum(row => tokens[row]), 1, maxTokens));
        }
        // As pure a function of the number as before.
        var again = byTokens with { };
        foreach (var step in new[] { byRows.StepsPerEpoch + 1, 1 }) Assert.Equal(byTokens.MicroBatches(step), again.MicroBatches(step));
    }

    [Fact]
    public void The_summary_tells_how_rows_were_divided()
    {
        // Two steps of four rows and one of two.
        int[] tokens = [1, 1, 1, 1, 6, 6, 6, 5, 3, 4];
        var plan = new BatchPlan(10, 2, 2, null) { TokensOf = row => tokens[row] };
        Assert.Equal(new(1, 5 / 3.0, 2, 12), plan.Summary(3));
        Assert.Equal(new(1, 2, 4, 7), (plan with { MaxTokens = 7 }).Summary(3));
        Assert.Equal(new(1, 1, 1, 4), (plan with { MaxTokens = 7 }).Summary(1));
    }

    /// <summary>The figures of docs/benchmarks.md: pairs of UltraFeedback, 64 a step. By rows the largest micro-batch is 1.7 times the mean of all.</summary>
    [Theory]
    [InlineData(PairLayoutKind.Separate, 0, 16, 16.0, 16, 6271)]
    [InlineData(PairLayoutKind.Separate, 4096, 14, 15.0, 16, 4096)]
    [InlineData(PairLayoutKind.SharedPrefix, 0, 16, 16.0, 16, 5262)]
    [InlineData(PairLayoutKind.SharedPrefix, 3072, 15, 15.75, 17, 3070)]
    public void On_real_pairs_no_more_micro_batches_need_less_memory(PairLayoutKind layout, int maxTokens, int least, double mean, int most, long largest)
    {
        var pairs = TokenPairSchema.Read([SharedFolder.PathOf("bench/pairs_256.jsonl")]).ToList();
        var plan = new BatchPlan(pairs.Count, 4, 16, null) { MaxTokens = maxTokens, TokensOf = row => DpoObjective.TokensAtOnce(pairs[row], layout) };
        Assert.Equal(new(least, mean, most, largest), plan.Summary(4));
    }

    private static IEnumerable<int[][]> Steps(BatchPlan plan, int epoch) =>
        Enumerable.Range(epoch * plan.StepsPerEpoch + 1, plan.StepsPerEpoch).Select(step => plan.MicroBatches(step).ToArray());
}
