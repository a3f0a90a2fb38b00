using Zephyr.Evaluation.Statistics;

namespace Zephyr.Tests.Evaluation.Statistics;

public class CalibrationTests
{
    /// <summary>
    /// By hand: p = 0.9, 0.9, 0.6, 0.4, 0.2 with two bins. Bin 0.5 to 0.75 holds 0.6 (right) and 0.4 (wrong, confidence 0.6): confidence 0.6, accuracy 0.5. Bin 0.75 to 1
    /// holds 0.9, 0.9 (right) and 0.2 (wrong, confidence 0.8): confidence 2.6/3, accuracy 2/3. ECE = 2/5 · 0.1 + 3/5 · 0.2 = 0.16.
    /// </summary>
    [Fact]
    public void The_error_is_that_of_a_table_made_by_hand()
    {
        var calibration = Calibration.Of([Logit(0.9), Logit(0.9), Logit(0.6), Logit(0.4), Logit(0.2)], bins: 2);
        Assert.Equal([(0.5, 0.75, 2), (0.75, 1.0, 3)], calibration.Bins.Select(bin => (bin.From, bin.To, bin.Count)));
        Assert.Equal([0.6, 2.6 / 3], calibration.Bins.Select(bin => Math.Round(bin.Confidence, 12)), (a, b) => Math.Abs(a - b) < 1e-11);
        Assert.Equal([0.5, 2.0 / 3], calibration.Bins.Select(bin => bin.Accuracy));
        Assert.Equal(0.16, calibration.Ece, 12);
        Assert.Equal((0.01 + 0.01 + 0.16 + 0.36 + 0.64) / 5, calibration.Brier, 12);
        Assert.Equal(-(2 * Math.Log(0.9) + Math.Log(0.6) + Math.Log(0.4) + Math.Log(0.2)) / 5, calibration.NegativeLogLikelihood, 12);
    }

    [Fact]
    public void Who_cannot_tell_is_calibrated_and_who_is_sure_and_wrong_is_not()
    {
        var unsure = Calibration.Of([0, 0, 0]);
        Assert.Equal((0.0, 3, 0.25), (unsure.Ece, unsure.Ties, unsure.Brier));
        Assert.Equal(Math.Log(2), unsure.NegativeLogLikelihood, 12);
        var sure = Calibration.Of([-800, 800]);
        Assert.Equal((0.5, 0.5, 400.0), (sure.Ece, sure.Brier, sure.NegativeLogLikelihood));
        Assert.Equal(2, sure.Bins[^1].Count);
    }

    [Fact]
    public void Confidence_that_comes_true_has_no_error() =>
        Assert.Equal(0, Calibration.Of([.. Enumerable.Range(0, 10).Select(i => Logit(i < 8 ? 0.8 : 0.2))]).Ece, 12);

    private static double Logit(double p) => Math.Log(p / (1 - p));
}
