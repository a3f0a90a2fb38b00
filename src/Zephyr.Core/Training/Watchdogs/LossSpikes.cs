using System.Globalization;

namespace Zephyr.Training.Watchdogs;

/// <summary>
/// Tells of a loss far above the last ones. Their middle is the median and their spread the median distance from it, which one wild loss does not
/// move; a loss that stays high is told once.
/// </summary>
/// <param name="factor">How many deviations are far; 0 for never.</param>
internal sealed class LossSpikes(double factor)
{
    private const int Window = 64, Fewest = 16;

    // The median distance of normally distributed losses is 0.6745 of their standard deviation.
    private const double DeviationsOfMedian = 1 / 0.6745;

    // A loss that hardly moves has next to no spread, and a hair above it is no news.
    private const double LeastSpread = 0.01;

    private readonly Queue<double> _losses = [];
    private bool _inSpike;

    public IReadOnlyList<double> Losses => [.. _losses];

    public bool InSpike => _inSpike;

    /// <summary>Looks at the loss of a step.</summary>
    /// <returns>What there is to say, as a clause; null for nothing.</returns>
    public string? See(double loss)
    {
        if (factor == 0) return null;
        var median = Median(_losses);
        var deviation = Math.Max(DeviationsOfMedian * Median(_losses.Select(one => Math.Abs(one - median))), LeastSpread * Math.Abs(median));
        var spikes = _losses.Count >= Fewest && deviation > 0 && loss > median + factor * deviation;
        var isNew = spikes && !_inSpike;
        _inSpike = spikes;
        _losses.Enqueue(loss);
        if (_losses.Count > Window) _losses.Dequeue();
        return !isNew ? null : string.Create(CultureInfo.InvariantCulture,
            $"the loss is {loss:0.####}, {(loss - median) / deviation:0} deviations above the median {median:0.####} of the {_losses.Count - 1} steps before");
    }

    public void Restore(WatchState state)
    {
        if (factor == 0) return;
        _losses.Clear();
        foreach (var loss in state.Losses) _losses.Enqueue(loss);
        _inSpike = state.InSpike;
    }

    private static double Median(IEnumerable<double> values)
    {
        double[] sorted = [.. values.Order()];
        return sorted.Length == 0 ? 0 : (sorted[(sorted.Length - 1) / 2] + sorted[sorted.Length / 2]) / 2;
    }
}
