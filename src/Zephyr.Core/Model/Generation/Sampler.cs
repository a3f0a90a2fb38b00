using Zephyr.Runtime;

namespace Zephyr.Model.Generation;

/// <summary>How the next token is chosen.</summary>
/// <param name="Temperature">0 is greedy: always the most likely token.</param>
/// <param name="TopP">The smallest set of likeliest tokens that reaches this probability; 1 for all.</param>
/// <param name="TopK">At most this many of the likeliest; 0 for all.</param>
/// <param name="MaxNewTokens">The most tokens to generate.</param>
/// <param name="Seed">Seed of the draws.</param>
public sealed record SamplingOptions(double Temperature = 1, double TopP = 1, int TopK = 0, int MaxNewTokens = 256, long Seed = 42);

/// <summary>Chooses tokens from scores: temperature, then top-k, then top-p, in transformers' order.</summary>
internal sealed class Sampler(SamplingOptions options)
{
    private readonly SeededRandom _random = new(options.Seed);

    /// <param name="logits">Scores over the vocabulary; reordered by the call.</param>
    public int Choose(float[] logits)
    {
        if (options.Temperature == 0) return ArgMax(logits);
        var ids = Enumerable.Range(0, logits.Length).ToArray();
        var descending = logits.Select(logit => -logit).ToArray();
        // Stable by id for equal scores: the sort key carries the id.
        Array.Sort(ids, (a, b) => descending[a] != descending[b] ? descending[a].CompareTo(descending[b]) : a.CompareTo(b));
        var kept = options.TopK > 0 ? Math.Min(options.TopK, ids.Length) : ids.Length;
        var weights = new double[kept];
        for (var i = 0; i < kept; i++) weights[i] = Math.Exp((logits[ids[i]] - logits[ids[0]]) / options.Temperature);
        var total = weights.Sum();
        return ids[Draw(weights, TopPCount(weights, total))];
    }

    /// <summary>A token stays while the ones before it have not reached top-p yet; the first always stays.</summary>
    private int TopPCount(double[] weights, double total)
    {
        if (options.TopP >= 1) return weights.Length;
        var (count, before) = (0, 0.0);
        while (count < weights.Length && before < options.TopP * total) before += weights[count++];
        return Math.Max(1, count);
    }

    private int Draw(double[] weights, int count)
    {
        var left = _random.NextDouble() * weights.Take(count).Sum();
        for (var i = 0; i < count - 1; i++)
            if ((left -= weights[i]) < 0) return i;
        return count - 1;
    }

    private static int ArgMax(float[] logits)
    {
        var best = 0;
        for (var i = 1; i < logits.Length; i++) if (logits[i] > logits[best]) best = i;
        return best;
    }
}
