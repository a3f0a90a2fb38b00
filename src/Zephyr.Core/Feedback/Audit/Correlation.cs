namespace Zephyr.Feedback.Audit;

/// <summary>How often two values came together.</summary>
/// <param name="X">One value.</param>
/// <param name="Y">The other one.</param>
/// <param name="Count">How often, at least once.</param>
public readonly record struct WeightedPoint(double X, double Y, long Count);

/// <summary>Correlations of points that are given with their counts. Null where one of the two values never varies.</summary>
public static class Correlation
{
    /// <summary>Pearson's r: the covariance over the product of the deviations.</summary>
    public static double? Pearson(IReadOnlyCollection<WeightedPoint> points)
    {
        // In one order, so that the last digit does not depend on that of the rows.
        WeightedPoint[] sorted = [.. points.OrderBy(point => point.X).ThenBy(point => point.Y)];
        double count = sorted.Sum(point => point.Count);
        if (count < 2) return null;
        var (meanX, meanY) = (sorted.Sum(point => point.Count * point.X) / count, sorted.Sum(point => point.Count * point.Y) / count);
        var (xx, yy, xy) = (0.0, 0.0, 0.0);
        foreach (var (x, y, times) in sorted)
        {
            xx += times * (x - meanX) * (x - meanX);
            yy += times * (y - meanY) * (y - meanY);
            xy += times * (x - meanX) * (y - meanY);
        }
        return Ratio(xx, yy, xy);
    }

    /// <summary>Spearman's rho: Pearson's r of the ranks, where equal values share the mean of theirs.</summary>
    public static double? Spearman(IReadOnlyCollection<WeightedPoint> points)
    {
        var (rankX, rankY) = (Ranks(points, point => point.X), Ranks(points, point => point.Y));
        return Pearson([.. points.Select(point => new WeightedPoint(rankX[point.X], rankY[point.Y], point.Count))]);
    }

    /// <summary>r from the sums of squares and of products; null where one of the squares is zero.</summary>
    public static double? Ratio(double xx, double yy, double xy) => xx > 0 && yy > 0 ? Math.Clamp(xy / Math.Sqrt(xx * yy), -1, 1) : null;

    private static Dictionary<double, double> Ranks(IReadOnlyCollection<WeightedPoint> points, Func<WeightedPoint, double> value)
    {
        var ranks = new Dictionary<double, double>();
        var before = 0L;
        foreach (var same in points.GroupBy(value).OrderBy(same => same.Key))
        {
            var count = same.Sum(point => point.Count);
            ranks[same.Key] = before + (count + 1) / 2.0;
            before += count;
        }
        return ranks;
    }
}
