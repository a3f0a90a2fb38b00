namespace Zephyr.Training;

/// <summary>Metrics travel as (sum, weight) and become means only when they are read (decision 4).</summary>
internal sealed class MetricTally(IReadOnlyList<string> names)
{
    private readonly double[] _sums = new double[names.Count];

    public double Weight { get; private set; }

    public IReadOnlyList<double> Sums => _sums;

    public void Add(ReadOnlySpan<double> sums, double weight)
    {
        for (var i = 0; i < _sums.Length; i++) _sums[i] += sums[i];
        Weight += weight;
    }

    public Dictionary<string, double> Means(string prefix = "") =>
        names.Select((name, i) => (Key: prefix + name, Mean: _sums[i] / Weight)).ToDictionary(entry => entry.Key, entry => entry.Mean);

    public void Clear()
    {
        Array.Clear(_sums);
        Weight = 0;
    }

    /// <summary>Puts back what a checkpoint held.</summary>
    public void Restore(IReadOnlyList<double> sums, double weight)
    {
        Clear();
        Add([.. sums], weight);
    }
}
