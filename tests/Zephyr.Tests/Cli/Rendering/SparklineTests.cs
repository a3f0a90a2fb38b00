using Zephyr.Cli.Rendering;

namespace Zephyr.Tests.Cli.Rendering;

public class SparklineTests
{
    [Theory]
    [InlineData(8, new[] { 0.0, 1, 2, 3, 4, 5, 6, 7 }, "▁▂▃▄▅▆▇█")]
    [InlineData(20, new[] { 3.0, -1, 1 }, "█▁▅")]
    // Means of two points each: 1, 3, 5, 7.
    [InlineData(4, new[] { 0.0, 2, 2, 4, 4, 6, 6, 8 }, "▁▃▆█")]
    // Seven points in three columns: 2, 2 and 3 of them.
    [InlineData(3, new[] { 1.0, 1, 2, 2, 3, 3, 3 }, "▁▅█")]
    [InlineData(5, new[] { 2.0, 2, 2 }, "▁▁▁")]
    [InlineData(5, new[] { 1.0, double.NaN, double.PositiveInfinity, 2 }, "▁  █")]
    [InlineData(2, new[] { 1.0, double.NaN, 2, double.NaN }, "▁█")]
    [InlineData(3, new[] { double.NaN, double.NaN }, "  ")]
    [InlineData(3, new[] { -double.MaxValue, 0, double.MaxValue }, "▁▅█")]
    [InlineData(3, new double[0], "")]
    [InlineData(0, new[] { 1.0 }, "")]
    [InlineData(-4, new[] { 1.0 }, "")]
    public void Points_become_columns_between_the_lowest_and_the_highest(int width, double[] values, string expected) =>
        Assert.Equal(expected, Sparkline.Of(values, width));

    [Fact]
    public void A_long_run_fits_and_keeps_its_shape()
    {
        var line = Sparkline.Of([.. Enumerable.Range(0, 100_003).Select(step => Math.Exp(-step / 20_000.0))], 40);
        Assert.Equal(40, line.Length);
        Assert.Equal('█', line[0]);
        Assert.Equal('▁', line[^1]);
        Assert.Equal(string.Concat(line.OrderDescending()), line);
    }
}
