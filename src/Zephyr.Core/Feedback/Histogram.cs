namespace Zephyr.Feedback;

/// <summary>How many values lie in a range.</summary>
/// <param name="From">Lower bound, inclusive.</param>
/// <param name="To">Upper bound, exclusive but for the last bin; equal to <paramref name="From"/> for a bin of one value.</param>
/// <param name="Count">How many.</param>
public sealed record HistogramBin(double From, double To, int Count);

/// <summary>The distribution of a set of numbers.</summary>
/// <param name="Mean">Their mean; 0 for none.</param>
/// <param name="Min">The smallest; 0 for none.</param>
/// <param name="Max">The greatest; 0 for none.</param>
/// <param name="Bins">Each value by itself where there are at most 20 (a teacher's 1 to 10), else ten bins of equal width.</param>
public sealed record Histogram(double Mean, double Min, double Max, IReadOnlyList<HistogramBin> Bins)
{
    private const int MostSingleValues = 20, Ranges = 10;

    /// <summary>The distribution of <paramref name="values"/>.</summary>
    public static Histogram Of(IReadOnlyList<double> values)
    {
        if (values.Count == 0) return new(0, 0, 0, []);
        // Sorted, so that the sum, and with it the last digit of the mean, does not depend on the order of the rows.
        double[] sorted = [.. values.Order()];
        var mean = sorted.Sum() / sorted.Length;
        HistogramBin[] single = [.. sorted.CountBy(value => value).Select(pair => new HistogramBin(pair.Key, pair.Key, pair.Value))];
        return new(mean, sorted[0], sorted[^1], single.Length <= MostSingleValues ? single : Equal(sorted));
    }

    private static HistogramBin[] Equal(double[] sorted)
    {
        var (min, width) = (sorted[0], (sorted[^1] - sorted[0]) / Ranges);
        var counts = new int[Ranges];
        foreach (var value in sorted) counts[Math.Min(Ranges - 1, (int)((value - min) / width))]++;
        return [.. counts.Select((count, i) => new HistogramBin(Edge(i), Edge(i + 1), count))];

        double Edge(int i) => i == Ranges ? sorted[^1] : min + i * width;
    }
}
