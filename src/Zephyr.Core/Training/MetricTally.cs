namespace Zephyr.Training;

/// <summary>Metrics travel as (sum, weight) and become means only when they are read (decision 4).</summary>
internal sealed class MetricTally(IReadOnlyList<string> names)
{
    private readonly double[] _sums = new double[names.Count], _weights = new double[names.Count];

    public IReadOnlyList<double> Sums => _sums;

    public IReadOnlyList<double> Weights => _weights;

    public void Add(ReadOnlySpan<double> sums, IReadOnlyList<double> weights)
    {
        for (var i = 0; i < _sums.Length; i++)
        {
            _sums[i] += sums[i];
            _weights[i] += weights[i];
        }
    }

    public Dictionary<string, double> Means(string prefix = "") =>
        names.Select((name, i) => (Key: prefix + name, Mean: _sums[i] / _weights[i])).ToDictionary(entry => entry.Key, entry => entry.Mean);

    public void Clear()
    {
        Array.Clear(_sums);
        Array.Clear(_weights);
    }

    /// <summary>Puts back what a checkpoint held.</summary>
    public void Restore(IReadOnlyList<double> sums, IReadOnlyList<double> weights)
    {
        Clear();
        Add([.. sums], weights);
    }
}
