using Zephyr.Training;

namespace Zephyr.Tests.Training;

/// <summary>Against transformers' formulae, worked out by hand for a peak of 1; its step counter starts at 0, ours at 1.</summary>
public class LearningRateScheduleTests
{
    [Theory]
    [InlineData("constant", 0.0, 0, new[] { 1.0, 1, 1, 1, 1, 1, 1, 1, 1, 1 })]
    [InlineData("constant", 0.5, 3, new[] { 1.0, 1, 1, 1, 1, 1, 1, 1, 1, 1 })]
    [InlineData("constant_with_warmup", 0.0, 4, new[] { 0, 0.25, 0.5, 0.75, 1, 1, 1, 1, 1, 1 })]
    [InlineData("linear", 0.0, 0, new[] { 1, 0.9, 0.8, 0.7, 0.6, 0.5, 0.4, 0.3, 0.2, 0.1 })]
    [InlineData("linear", 0.2, 0, new[] { 0, 0.5, 1, 7 / 8.0, 6 / 8.0, 5 / 8.0, 4 / 8.0, 3 / 8.0, 2 / 8.0, 1 / 8.0 })]
    [InlineData("linear", 0.5, 2, new[] { 0, 0.5, 1, 7 / 8.0, 6 / 8.0, 5 / 8.0, 4 / 8.0, 3 / 8.0, 2 / 8.0, 1 / 8.0 })]
    // ceil(0.11 * 10) = 2
    [InlineData("linear", 0.11, 0, new[] { 0, 0.5, 1, 7 / 8.0, 6 / 8.0, 5 / 8.0, 4 / 8.0, 3 / 8.0, 2 / 8.0, 1 / 8.0 })]
    // (1 + cos(pi k / 10)) / 2
    [InlineData("cosine", 0.0, 0, new[] { 1, 0.9755282581, 0.9045084972, 0.7938926261, 0.6545084972, 0.5, 0.3454915028, 0.2061073739, 0.0954915028, 0.0244717419 })]
    // (1 + cos(pi k / 8)) / 2 after two steps of warmup
    [InlineData("cosine", 0.2, 0, new[] { 0, 0.5, 1, 0.9619397663, 0.8535533906, 0.6913417162, 0.5, 0.3086582838, 0.1464466094, 0.0380602337 })]
    public void Rates_are_those_of_transformers(string kind, double ratio, int warmup, double[] expected)
    {
        var schedule = new LearningRateSchedule(new() { LearningRate = 3, LrSchedulerType = kind, WarmupRatio = ratio, WarmupSteps = warmup }, 10);
        Assert.Equal(expected, Enumerable.Range(1, 10).Select(step => schedule.At(step) / 3), (a, b) => Math.Abs(a - b) < 1e-10);
    }

    [Theory]
    [InlineData("linear")]
    [InlineData("cosine")]
    [InlineData("constant_with_warmup")]
    public void A_run_that_is_all_warmup_never_reaches_the_peak(string kind)
    {
        var schedule = new LearningRateSchedule(new() { LearningRate = 1, LrSchedulerType = kind, WarmupRatio = 1 }, 4);
        Assert.Equal([0, 0.25, 0.5, 0.75], Enumerable.Range(1, 4).Select(schedule.At));
    }
}
