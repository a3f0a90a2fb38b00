namespace Zephyr.Evaluation.Statistics;

/// <summary>A bin of the reliability table.</summary>
/// <param name="From">Lowest confidence, inclusive.</param>
/// <param name="To">Highest, exclusive but for the last bin.</param>
/// <param name="Count">Pairs in it.</param>
/// <param name="Confidence">Their mean confidence; 0 for none.</param>
/// <param name="Accuracy">The share of them that are right; 0 for none.</param>
public sealed record ReliabilityBin(double From, double To, int Count, double Confidence, double Accuracy);

/// <summary>
/// Whether a model that is 80 % sure which of two answers is preferred is right in 80 % of the cases. Of a pair with p = P(chosen preferred), the confidence is
/// c = max(p, 1 - p), from 0.5 to 1, and the model is right where p &gt; 0.5 (half right where p = 0.5: it cannot be told).
/// </summary>
/// <param name="Ece">Expected calibration error: sum over bins of n_b / n · |accuracy_b - confidence_b| (Guo et al. 2017, for two classes).</param>
/// <param name="Brier">Mean of (1 - p)².</param>
/// <param name="NegativeLogLikelihood">Mean of -ln p, in nats.</param>
/// <param name="Ties">Pairs with p = 0.5.</param>
/// <param name="Bins">The reliability table: bins of equal width over 0.5 to 1.</param>
public sealed record Calibration(double Ece, double Brier, double NegativeLogLikelihood, int Ties, IReadOnlyList<ReliabilityBin> Bins)
{
    /// <summary>How many bins there are where nothing else is said.</summary>
    public const int DefaultBins = 10;

    /// <param name="logits">ln(p / (1 - p)) of each pair; at least one.</param>
    /// <param name="bins">How many bins of equal width.</param>
    public static Calibration Of(IReadOnlyList<double> logits, int bins = DefaultBins)
    {
        ArgumentOutOfRangeException.ThrowIfZero(logits.Count);
        var (counts, confidences, rights) = (new int[bins], new double[bins], new double[bins]);
        double brier = 0, likelihood = 0;
        foreach (var logit in logits)
        {
            var confidence = Logistic.Of(Math.Abs(logit));
            var bin = Math.Min(bins - 1, (int)((confidence - 0.5) * 2 * bins));
            counts[bin]++;
            confidences[bin] += confidence;
            rights[bin] += logit > 0 ? 1 : logit == 0 ? 0.5 : 0;
            brier += Math.Pow(Logistic.Of(-logit), 2);
            likelihood -= Logistic.LogOf(logit);
        }
        var table = Enumerable.Range(0, bins).Select(b => new ReliabilityBin(
            0.5 + 0.5 * b / bins, 0.5 + 0.5 * (b + 1) / bins, counts[b], counts[b] == 0 ? 0 : confidences[b] / counts[b], counts[b] == 0 ? 0 : rights[b] / counts[b])).ToList();
        var error = table.Sum(bin => (double)bin.Count / logits.Count * Math.Abs(bin.Accuracy - bin.Confidence));
        return new(error, brier / logits.Count, likelihood / logits.Count, logits.Count(logit => logit == 0), table);
    }
}
