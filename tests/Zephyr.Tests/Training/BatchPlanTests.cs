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

    private static IEnumerable<int[][]> Steps(BatchPlan plan, int epoch) =>
        Enumerable.Range(epoch * plan.StepsPerEpoch + 1, plan.StepsPerEpoch).Select(step => plan.MicroBatches(step).ToArray());
}
