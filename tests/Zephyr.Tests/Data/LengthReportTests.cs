using Zephyr.Data;

namespace Zephyr.Tests.Data;

public sealed class LengthReportTests
{
    [Fact]
    public void A_series_knows_its_quantiles_and_what_was_cut()
    {
        // 100, 99, .., 1: the order of the rows does not matter.
        var series = new LengthSeries("prompt", Enumerable.Range(0, 100).Select(i => (100 - i, Math.Min(100 - i, 90))));
        Assert.Equal((100, 50, 90, 99, 100), (series.Count, series.Quantile(0.5), series.Quantile(0.9), series.Quantile(0.99), series.Max));
        Assert.Equal((5050L, 10, 55L), (series.Tokens, series.Cut, series.TokensCut));
        Assert.Equal(8, series.CountIn(8, 16));
        Assert.Equal(1, series.Quantile(0));
        var none = new LengthSeries("prompt", []);
        Assert.Equal((0, 0, 0, 0L), (none.Count, none.Max, none.Cut, none.Tokens));
    }

    [Fact]
    public void The_lines_are_a_table_with_a_histogram()
    {
        var prompts = Enumerable.Repeat((40, 40), 60).Concat(Enumerable.Repeat((300, 256), 30)).Concat(Enumerable.Repeat((900, 256), 9)).Append((5000, 256));
        var report = new LengthReport("training", new("prompt", prompts), new("chosen", Enumerable.Repeat((7, 7), 100)));
        Assert.Equal(
        [
            "training tokens  rows  p50  p90  p99   max  cut           lost              ≤8  ≤16  ≤32  ≤64  ≤128  ≤256  ≤512  ≤1024  more",
            "prompt            100   40  300  900  5000   40  11860 (48.4%)     █  ▄▂▁    0    0    0   60     0     0    30      9     1",
            "chosen            100    7    7    7     7    0              0  █          100    0    0    0     0     0     0      0     0",
        ], report.Lines);
    }

    [Fact]
    public void Nothing_measured_is_still_a_table() => Assert.Equal(2, new LengthReport("held-out", new LengthSeries("conversation", [])).Lines.Count);
}
