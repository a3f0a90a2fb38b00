using Zephyr.Evaluation.Statistics;

namespace Zephyr.Evaluation;

/// <summary>
/// AlpacaEval 2's length-controlled win rate (Dubois et al. 2024, arXiv 2404.04475): what the win rate were if both answers had the same length. The model of a verdict is
/// P(model preferred | x) = σ(θ + φ · tanh(Δ_x / s) + ψ · γ_x), with Δ_x the difference of the answers' lengths in characters, s the standard deviation of these differences,
/// and γ_x the difficulty of the instruction where it is known. The figure is 100 · mean over x of σ(θ + ψ · γ_x): the same without the length term.
/// Where it differs from AlpacaEval's program: that adds comparisons of its baseline with shorter and longer versions of itself (weight 0.2) and chooses an L1 penalty by
/// cross-validation, both of which hold φ down; here φ and ψ have a ridge, ½ λ (φ² + ψ²), and θ has none.
/// </summary>
/// <param name="Win">The figure in percent, with the bootstrap's interval over prompts.</param>
/// <param name="Theta">θ: the advantage at equal lengths, in logits.</param>
/// <param name="Phi">φ: what length does.</param>
/// <param name="Psi">ψ: what difficulty does; null where no difficulties are known.</param>
/// <param name="LengthScale">s, in characters; 0 where all differences are the same.</param>
public sealed record LengthControlledWinRate(Estimate Win, double Theta, double Phi, double? Psi, double LengthScale)
{
    /// <summary>λ where nothing else is said.</summary>
    public const double DefaultRidge = 1;

    // A fit for each sample of the bootstrap: fewer are enough for an interval.
    private const int MostResamples = 500;

    /// <param name="judged">Comparisons with a preference; at least one.</param>
    /// <param name="bootstrap">Draws the samples for the interval.</param>
    /// <param name="ridge">λ.</param>
    public static LengthControlledWinRate Of(IReadOnlyList<PromptComparison> judged, Bootstrap bootstrap, double ridge = DefaultRidge)
    {
        var withDifficulty = judged.All(one => one.Difficulty is not null);
        int[] all = [.. Enumerable.Range(0, judged.Count)];
        var whole = Fit(all);
        var win = bootstrap.Limited(MostResamples).Of(judged.Count, drawn => Fit(drawn).Win);
        return new(win, whole.Weights[0], whole.Weights[1], withDifficulty ? whole.Weights[2] : null, whole.Scale);

        (double Win, double[] Weights, double Scale) Fit(int[] drawn)
        {
            var scale = Spread([.. drawn.Select(i => (double)(judged[i].ModelLength - judged[i].BaselineLength))]);
            // Without a spread nothing can be said of lengths: what they do is then part of θ.
            double[] Row(int i) => [1, scale == 0 ? 0 : Math.Tanh((judged[i].ModelLength - judged[i].BaselineLength) / scale), withDifficulty ? judged[i].Difficulty!.Value : 0];
            var weights = LogisticRegression.Fit([.. drawn.Select(Row)], [.. drawn.Select(i => judged[i].Preference!.Value)], [0, ridge, ridge]);
            return (100 * drawn.Average(i => Logistic.Of(weights[0] + weights[2] * (withDifficulty ? judged[i].Difficulty!.Value : 0))), weights, scale);
        }
    }

    /// <summary>The sample's standard deviation, as pandas has it.</summary>
    private static double Spread(double[] values)
    {
        if (values.Length < 2) return 0;
        var mean = values.Average();
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Length - 1));
    }
}
