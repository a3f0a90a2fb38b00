using Zephyr.Runtime;

namespace Zephyr.Evaluation.Statistics;

/// <summary>A figure with what chance may have done to it.</summary>
/// <param name="Value">The figure.</param>
/// <param name="Low">The lower end of the 95 % interval.</param>
/// <param name="High">The upper end.</param>
/// <param name="StandardError">The standard deviation of the figure over the resamples; 0 for fewer than two units.</param>
public readonly record struct Estimate(double Value, double Low, double High, double StandardError);

/// <summary>
/// Percentile bootstrap: the units (rows, prompts, questions: what is independent of each other) are drawn again with replacement, as many as there are, and the figure is
/// computed of each such sample; the interval is from the 2.5th to the 97.5th percentile. It needs no assumption on the distribution and holds for ratios too. Seeded.
/// </summary>
/// <param name="seed">The draws.</param>
/// <param name="resamples">How many samples are drawn.</param>
public sealed class Bootstrap(long seed, int resamples = Bootstrap.Resamples)
{
    /// <summary>How many samples are drawn where nothing else is said.</summary>
    public const int Resamples = 2000;

    // "boot" in ASCII.
    private const long Stream = 0x626F6F74;
    private const double Tail = 0.025;

    /// <summary>The same with at most so many samples, for a figure that takes long.</summary>
    public Bootstrap Limited(int most) => resamples <= most ? this : new(seed, most);

    /// <summary>A mean of numbers.</summary>
    public Estimate OfMean(IReadOnlyList<double> values) => OfRatio(values, [.. Enumerable.Repeat(1.0, values.Count)]);

    /// <summary>A quotient of two sums, like a loss by tokens.</summary>
    /// <param name="sums">What each unit adds above.</param>
    /// <param name="weights">What it adds below.</param>
    public Estimate OfRatio(IReadOnlyList<double> sums, IReadOnlyList<double> weights) => Of(sums.Count, drawn =>
    {
        double sum = 0, weight = 0;
        foreach (var i in drawn) (sum, weight) = (sum + sums[i], weight + weights[i]);
        return sum / weight;
    });

    /// <summary>Any figure of a sample.</summary>
    /// <param name="units">How many units there are.</param>
    /// <param name="figure">The figure of some of them, some several times; NaN where it has none, which is not counted.</param>
    public Estimate Of(int units, Func<int[], double> figure)
    {
        var drawn = Enumerable.Range(0, units).ToArray();
        var value = units == 0 ? double.NaN : figure(drawn);
        if (units < 2 || double.IsNaN(value)) return new(value, value, value, 0);
        var random = new SeededRandom(seed, Stream);
        var figures = new List<double>(resamples);
        for (var i = 0; i < resamples; i++)
        {
            for (var j = 0; j < units; j++) drawn[j] = random.NextInt(units);
            if (figure(drawn) is var one && !double.IsNaN(one)) figures.Add(one);
        }
        figures.Sort();
        var mean = figures.Average();
        var spread = Math.Sqrt(figures.Sum(one => (one - mean) * (one - mean)) / (figures.Count - 1));
        return new(value, Percentile(figures, Tail), Percentile(figures, 1 - Tail), spread);
    }

    /// <summary>With linear interpolation between the two nearest, as numpy's.</summary>
    internal static double Percentile(IReadOnlyList<double> sorted, double share)
    {
        var place = share * (sorted.Count - 1);
        var below = (int)place;
        return below + 1 == sorted.Count ? sorted[below] : sorted[below] + (place - below) * (sorted[below + 1] - sorted[below]);
    }
}
