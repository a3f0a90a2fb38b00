using Zephyr.Evaluation.Statistics;
using Zephyr.Runtime;

namespace Zephyr.Tests.Evaluation.Statistics;

public class LogisticRegressionTests
{
    [Fact]
    public void An_intercept_alone_gives_the_mean() =>
        Assert.Equal(0.7, Logistic.Of(LogisticRegression.Fit([[1], [1], [1], [1]], [1, 1, 0.3, 0.5], [0])[0]), 12);

    [Fact]
    public void Weights_that_made_the_targets_are_found_again()
    {
        var random = new SeededRandom(1);
        double[] truth = [0.4, -1.3, 2];
        List<double[]> features = [.. Enumerable.Range(0, 200).Select(_ => new[] { 1, random.NextDouble() * 4 - 2, random.NextDouble() - 0.5 })];
        double[] targets = [.. features.Select(row => Logistic.Of(LogisticRegression.Dot(row, truth)))];
        foreach (var (found, expected) in LogisticRegression.Fit(features, targets, [0, 0, 0]).Zip(truth)) Assert.Equal(expected, found, 6);
        // What a ridge holds down, it holds down: the gradient of the whole is zero.
        double[] ridge = [0, 3, 0.5];
        var held = LogisticRegression.Fit(features, targets, ridge);
        for (var k = 0; k < 3; k++)
            Assert.Equal(0, features.Select((row, i) => (Logistic.Of(LogisticRegression.Dot(row, held)) - targets[i]) * row[k]).Sum() + ridge[k] * held[k], 8);
        Assert.True(Math.Abs(held[1]) < 1.3);
    }

    [Fact]
    public void Targets_without_a_finite_minimum_end()
    {
        Assert.InRange(Logistic.Of(LogisticRegression.Fit([[1], [1]], [1, 1], [0])[0]), 1 - 1e-9, 1);
        Assert.InRange(Logistic.Of(LogisticRegression.Fit([[1, 0], [1, 0]], [0, 0], [0, 1])[0]), 0, 1e-9);
    }
}
