namespace Zephyr.Training;

/// <summary>What a step's micro-batches come to, before anything is divided.</summary>
/// <param name="MicroBatches">The rows of each micro-batch that was run.</param>
/// <param name="Losses">The loss sum of each.</param>
/// <param name="Sums">The metrics' sums over all, the loss first.</param>
/// <param name="Weights">Their weights.</param>
/// <param name="Norm">L2 norm of the gradient sum.</param>
/// <param name="WeightNorms">That of each weight that has a gradient.</param>
/// <param name="Tokens">Tokens run through the policy.</param>
internal sealed record StepSums(IReadOnlyList<int[]> MicroBatches, double[] Losses, double[] Sums, IReadOnlyList<double> Weights, double Norm,
    IReadOnlyList<KeyValuePair<string, double>> WeightNorms, long Tokens)
{
    /// <summary>Rows of micro-batches that were left out: nothing in them is supervised.</summary>
    public IReadOnlyList<int> Unsupervised { get; init; } = [];

    /// <summary>What the gradient is divided by.</summary>
    public double Weight => Weights[0];

    /// <summary>The mean loss.</summary>
    public double Loss => Sums[0] / Weight;

    /// <summary>The norm of the mean gradient, before clipping.</summary>
    public double GradientNorm => Norm / Weight;

    /// <summary>Whether the step may reach the weights.</summary>
    public bool IsFinite => double.IsFinite(GradientNorm) && double.IsFinite(Sums[0]);

    /// <summary>The rows that were run.</summary>
    public IReadOnlyList<int> Rows => [.. MicroBatches.SelectMany(rows => rows)];
}
