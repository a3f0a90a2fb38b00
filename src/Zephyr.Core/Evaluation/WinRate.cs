using Zephyr.Evaluation.Statistics;

namespace Zephyr.Evaluation;

/// <summary>What a judge said of two answers to a prompt.</summary>
/// <param name="ModelFirst">How much it preferred the model's answer where that stood first: 1, 0.5 for a tie, 0; null where there is no verdict.</param>
/// <param name="ModelSecond">The same where it stood second.</param>
/// <param name="ModelLength">Characters of the model's answer.</param>
/// <param name="BaselineLength">Characters of the other's.</param>
/// <param name="Difficulty">How hard the instruction is, in logits, where that is known (γ).</param>
/// <param name="Source">The prompt's set; null for none.</param>
public sealed record PromptComparison(double? ModelFirst, double? ModelSecond, int ModelLength, int BaselineLength, double? Difficulty = null, string? Source = null)
{
    /// <summary>The mean over the orders that have a verdict, which cancels a preference for a place; null where none has.</summary>
    public double? Preference => (ModelFirst, ModelSecond) switch
    {
        ({ } first, { } second) => (first + second) / 2,
        _ => ModelFirst ?? ModelSecond,
    };
}

/// <summary>How often one model is preferred to another.</summary>
/// <param name="Prompts">Prompts with a verdict.</param>
/// <param name="Unjudged">Prompts without one.</param>
/// <param name="OneOrder">Of the prompts, those with a verdict in one order only.</param>
/// <param name="Win">The win rate in percent: the mean preference, a tie being half a win. The interval is the bootstrap's, over prompts; the standard error is AlpacaEval's, s / √n.</param>
/// <param name="LengthControlled">The same at equal lengths; its interval likewise.</param>
/// <param name="Wins">Prompts that the model wins, over both orders.</param>
/// <param name="Losses">Those that it loses.</param>
/// <param name="Ties">The others: ties, and prompts in which the verdict went with the place.</param>
/// <param name="Consistency">Of the prompts with both verdicts, the share in which they agree; null for none.</param>
/// <param name="FirstPlaceShare">The mean preference for whichever answer stands first; 0.5 for a judge to whom places do not matter; null for none.</param>
/// <param name="ModelLength">Mean characters of the model's answers.</param>
/// <param name="BaselineLength">Mean characters of the other's.</param>
public sealed record WinRate(
    int Prompts, int Unjudged, int OneOrder, Estimate Win, LengthControlledWinRate LengthControlled, int Wins, int Losses, int Ties,
    double? Consistency, double? FirstPlaceShare, double ModelLength, double BaselineLength)
{
    /// <summary>The figures of a set of comparisons.</summary>
    /// <param name="comparisons">One a prompt.</param>
    /// <param name="bootstrap">Draws the samples for the intervals.</param>
    /// <returns>Null where no prompt has a verdict.</returns>
    public static WinRate? Of(IReadOnlyList<PromptComparison> comparisons, Bootstrap bootstrap)
    {
        PromptComparison[] judged = [.. comparisons.Where(one => one.Preference is not null)];
        if (judged.Length == 0) return null;
        double[] preferences = [.. judged.Select(one => one.Preference!.Value)];
        var both = judged.Where(one => one is { ModelFirst: not null, ModelSecond: not null }).ToList();
        var win = bootstrap.OfMean([.. preferences.Select(one => 100 * one)]);
        return new(
            judged.Length, comparisons.Count - judged.Length, judged.Length - both.Count,
            win with { StandardError = 100 * StandardError(preferences) },
            LengthControlledWinRate.Of(judged, bootstrap),
            preferences.Count(one => one > 0.5), preferences.Count(one => one < 0.5), preferences.Count(one => one == 0.5),
            both.Count == 0 ? null : (double)both.Count(one => one.ModelFirst == one.ModelSecond) / both.Count,
            both.Count == 0 ? null : both.Average(one => (one.ModelFirst!.Value + 1 - one.ModelSecond!.Value) / 2),
            judged.Average(one => one.ModelLength), judged.Average(one => one.BaselineLength));
    }

    private static double StandardError(double[] values)
    {
        if (values.Length < 2) return 0;
        var mean = values.Average();
        return Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Length - 1) / values.Length);
    }
}
