using Zephyr.Evaluation.Statistics;
using Zephyr.Runtime;

namespace Zephyr.Tests.Evaluation.Statistics;

public class BootstrapTests
{
    /// <summary>Two units: a resample is one twice, both, or the other twice, with chances 1/4, 1/2, 1/4.</summary>
    [Fact]
    public void Of_two_units_the_distribution_is_known()
    {
        var estimate = new Bootstrap(1, 4000).OfMean([0, 1]);
        Assert.Equal((0.5, 0.0, 1.0), (estimate.Value, estimate.Low, estimate.High));
        Assert.Equal(Math.Sqrt(1 / 8.0), estimate.StandardError, 0.01);
    }

    [Fact]
    public void The_interval_of_a_mean_is_the_normal_one_where_there_are_many_units()
    {
        var random = new SeededRandom(3);
        double[] values = [.. Enumerable.Range(0, 400).Select(_ => random.NextDouble())];
        var mean = values.Average();
        var error = Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / 399 / 400);
        var estimate = new Bootstrap(5).OfMean(values);
        Assert.Equal(mean, estimate.Value, 12);
        Assert.Equal(error, estimate.StandardError, error * 0.05);
        Assert.Equal(mean - 1.96 * error, estimate.Low, error * 0.15);
        Assert.Equal(mean + 1.96 * error, estimate.High, error * 0.15);
    }

    [Fact]
    public void A_ratio_weighs_its_units_and_the_seed_decides()
    {
        Assert.Equal(8.0 / 5, new Bootstrap(1).OfRatio([2, 6], [2, 3]).Value);
        double[] values = [.. Enumerable.Range(0, 30).Select(i => Math.Sin(i))];
        Assert.Equal(new Bootstrap(1).OfMean(values), new Bootstrap(1).OfMean(values));
        Assert.NotEqual(new Bootstrap(1).OfMean(values), new Bootstrap(2).OfMean(values));
    }

    [Fact]
    public void One_unit_has_no_interval() => Assert.Equal(new Estimate(3, 3, 3, 0), new Bootstrap(1).OfMean([3]));

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.5, 2.5)]
    [InlineData(0.25, 1.75)]
    [InlineData(1, 4)]
    public void Percentiles_are_numpys(double share, double expected) => Assert.Equal(expected, Bootstrap.Percentile([1, 2, 3, 4], share));
}
