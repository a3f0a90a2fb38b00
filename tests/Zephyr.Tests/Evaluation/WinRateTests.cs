using Zephyr.Evaluation;
using Zephyr.Evaluation.Statistics;
using Zephyr.Runtime;

namespace Zephyr.Tests.Evaluation;

public class WinRateTests
{
    private static readonly Bootstrap Draws = new(42, 200);

    /// <summary>By hand: preferences 1, 0.5 (the place decided), 0, 0.75 (a tie and a win), 1 (one order) and one without a verdict.</summary>
    [Fact]
    public void Verdicts_of_both_orders_are_added_up()
    {
        var rate = WinRate.Of([new(1, 1, 10, 20), new(1, 0, 10, 20), new(0, 0, 30, 20), new(0.5, 1, 10, 20), new(null, 1, 40, 20), new(null, null, 99, 99)], Draws)!;
        Assert.Equal((5, 1, 1), (rate.Prompts, rate.Unjudged, rate.OneOrder));
        Assert.Equal(65, rate.Win.Value, 12);
        Assert.Equal((3, 1, 1), (rate.Wins, rate.Losses, rate.Ties));
        Assert.Equal((2.0 / 4, (0.5 + 1 + 0.5 + 0.25) / 4), (rate.Consistency, rate.FirstPlaceShare));
        Assert.Equal((20.0, 20.0), (rate.ModelLength, rate.BaselineLength));
        // s / √n of 1, 0.5, 0, 0.75, 1: mean 0.65, squares 0.1225 + 0.0225 + 0.4225 + 0.01 + 0.1225 = 0.7; √(0.7 / 4 / 5).
        Assert.Equal(100 * Math.Sqrt(0.7 / 4 / 5), rate.Win.StandardError, 10);
        Assert.InRange(rate.Win.Low, 20, 60);
        Assert.InRange(rate.Win.High, 75, 100);
        Assert.Null(WinRate.Of([new(null, null, 1, 1)], Draws));
    }

    [Theory]
    [InlineData(0)]
    [InlineData(37)]
    public void At_equal_lengths_the_controlled_figure_is_the_raw_one(int difference)
    {
        var random = new SeededRandom(2);
        var comparisons = Random(random, 50, _ => difference, difficulty: null);
        var rate = WinRate.Of(comparisons, Draws)!;
        Assert.Equal(rate.Win.Value, rate.LengthControlled.Win.Value, 8);
        Assert.Equal((0.0, 0.0), (rate.LengthControlled.Phi, rate.LengthControlled.LengthScale));
        var hard = WinRate.Of(Random(random, 50, _ => difference, i => Math.Sin(i)), Draws)!;
        Assert.Equal(hard.Win.Value, hard.LengthControlled.Win.Value, 8);
        Assert.NotNull(hard.LengthControlled.Psi);
    }

    /// <summary>A judge that looks at nothing but length, and a model that writes longer answers: it wins, and at equal lengths it does not.</summary>
    [Fact]
    public void A_preference_that_is_one_for_length_only_is_fifty_percent()
    {
        var random = new SeededRandom(4);
        var differences = Enumerable.Range(0, 400).Select(_ => random.NextInt(900) - 150).ToArray();
        var mean = differences.Average();
        var scale = Math.Sqrt(differences.Sum(one => (one - mean) * (one - mean)) / (differences.Length - 1));
        List<PromptComparison> comparisons = [.. differences.Select(one => Logistic.Of(1.5 * Math.Tanh(one / scale)) is var p ? new PromptComparison(p, p, 1000 + one, 1000) : null!)];
        var rate = WinRate.Of(comparisons, Draws)!;
        Assert.InRange(rate.Win.Value, 60, 75);
        Assert.Equal(50, rate.LengthControlled.Win.Value, 1.0);
        // Without the ridge it is so exactly.
        var exact = LengthControlledWinRate.Of(comparisons, Draws, ridge: 0);
        Assert.Equal((50.0, 0.0, 1.5), (Math.Round(exact.Win.Value, 6), Math.Round(exact.Theta, 6), Math.Round(exact.Phi, 6)));
    }

    [Fact]
    public void An_advantage_beside_the_length_is_kept()
    {
        var random = new SeededRandom(4);
        List<PromptComparison> comparisons = [.. Enumerable.Range(0, 400).Select(_ => random.NextInt(900) - 150).Select(one => Logistic.Of(0.8 + Math.Tanh(one / 300.0)) is var p ? new PromptComparison(p, p, 1000 + one, 1000) : null!)];
        var rate = WinRate.Of(comparisons, Draws)!;
        Assert.InRange(rate.LengthControlled.Win.Value, 60, rate.Win.Value - 3);
        Assert.InRange(rate.LengthControlled.Win.Value, rate.LengthControlled.Win.Low, rate.LengthControlled.Win.High);
    }

    [Fact]
    public void With_the_models_exchanged_it_is_the_rest_of_a_hundred()
    {
        var comparisons = Random(new SeededRandom(9), 80, i => i % 7 * 40 - 90, i => Math.Cos(i));
        List<PromptComparison> exchanged = [.. comparisons.Select(one => one with
        {
            ModelFirst = 1 - one.ModelSecond, ModelSecond = 1 - one.ModelFirst, ModelLength = one.BaselineLength, BaselineLength = one.ModelLength,
        })];
        var (rate, other) = (WinRate.Of(comparisons, Draws)!, WinRate.Of(exchanged, Draws)!);
        Assert.Equal(100, rate.Win.Value + other.Win.Value, 8);
        Assert.Equal(100, rate.LengthControlled.Win.Value + other.LengthControlled.Win.Value, 6);
        Assert.Equal(rate.LengthControlled.Phi, other.LengthControlled.Phi, 6);
        Assert.Equal(rate.Consistency, other.Consistency);
    }

    private static List<PromptComparison> Random(SeededRandom random, int count, Func<int, int> difference, Func<int, double>? difficulty) =>
        [.. Enumerable.Range(0, count).Select(i => new PromptComparison(random.NextInt(3) / 2.0, random.NextInt(3) / 2.0, 500 + difference(i), 500, difficulty?.Invoke(i)))];
}
