namespace Zephyr.Cli.Rendering;

/// <summary>A curve in one line of text.</summary>
internal static class Sparkline
{
    private const string Levels = "▁▂▃▄▅▆▇█";

    /// <summary>
    /// All of a curve, however long: each character is the mean of as many points, from the lowest mean to the highest. Points that
    /// are no numbers leave a gap, and a flat curve lies low.
    /// </summary>
    /// <param name="values">The points in order.</param>
    /// <param name="width">The most characters; fewer points than that take a character each.</param>
    public static string Of(IReadOnlyList<double> values, int width)
    {
        var columns = Math.Min(Math.Max(0, width), values.Count);
        // The first and the last point of a column; every point belongs to exactly one.
        int Edge(int column) => (int)((long)column * values.Count / columns);
        double?[] means = [.. Enumerable.Range(0, columns).Select(column => Mean(values, Edge(column), Edge(column + 1)))];
        var (low, high) = (means.Min() ?? 0, means.Max() ?? 0);
        return string.Concat(means.Select(mean => mean is { } value ? Levels[Level(value, low, high)] : ' '));
    }

    private static int Level(double value, double low, double high) =>
        // Halved, so that the distance of the largest numbers is still one.
        high > low ? (int)Math.Min(Levels.Length - 1, (value / 2 - low / 2) / (high / 2 - low / 2) * Levels.Length) : 0;

    private static double? Mean(IReadOnlyList<double> values, int from, int to)
    {
        var (mean, count) = (0.0, 0);
        for (var i = from; i < to; i++)
            if (double.IsFinite(values[i])) mean += (values[i] - mean) / ++count;
        return count > 0 ? mean : null;
    }
}
