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

    /// <param name="logits">Scores over the vocabulary.</param>
    /// <exception cref="RunFailedException">A score is not a number.</exception>
    public int Choose(ReadOnlySpan<float> logits)
    {
        // Without this, a broken model would say token 0 for ever: nothing compares as larger than NaN.
        foreach (var logit in logits)
            if (float.IsNaN(logit))
                throw new RunFailedException("the model's scores for the next token are not numbers (NaN): its weights are broken");
        var ranking = Likeliest(logits, options.Temperature == 0 ? 1 : options.TopK > 0 ? Math.Min(options.TopK, logits.Length) : logits.Length);
        if (ranking.Length == 1) return IdOf(ranking[0]);
        var weights = new double[ranking.Length];
        var highest = logits[IdOf(ranking[0])];
        for (var i = 0; i < weights.Length; i++) weights[i] = Math.Exp((logits[IdOf(ranking[i])] - highest) / options.Temperature);
        return IdOf(ranking[Draw(weights.AsSpan(0, TopPCount(weights)))]);
    }

    /// <summary>
    /// Sort keys of the likeliest tokens, in falling order of score and, where scores are equal, in order of id. The buffer
    /// holds twice as many as are wanted: where it is full it is sorted, and what stands behind the last wanted one never comes in again.
    /// </summary>
    private static ReadOnlySpan<long> Likeliest(ReadOnlySpan<float> logits, int wanted)
    {
        var buffer = new long[Math.Min(logits.Length, 2 * (long)wanted)];
        var (count, worst) = (0, long.MaxValue);
        for (var id = 0; id < logits.Length; id++)
        {
            var key = KeyOf(logits[id], id);
            if (key >= worst) continue;
            if (count == buffer.Length)
            {
                Array.Sort(buffer);
                (count, worst) = (wanted, buffer[wanted - 1]);
                if (key >= worst) continue;
            }
            buffer[count++] = key;
        }
        Array.Sort(buffer, 0, count);
        return buffer.AsSpan(0, wanted);
    }

    /// <summary>Higher scores have lower keys. The bits of a float are in order as an integer once the negative ones are turned round.</summary>
    private static long KeyOf(float logit, int id)
    {
        var bits = BitConverter.SingleToInt32Bits(logit + 0f); // + 0 makes -0 and 0 the same score.
        return ((long)~(bits ^ ((bits >> 31) & int.MaxValue)) << 32) | (uint)id;
    }

    private static int IdOf(long key) => (int)key;

    /// <summary>A token stays while the ones before it have not reached top-p yet; the first always stays.</summary>
    private int TopPCount(double[] weights)
    {
        if (options.TopP >= 1) return weights.Length;
        var enough = options.TopP * weights.Sum();
        var (count, before) = (0, 0.0);
        while (count < weights.Length && before < enough) before += weights[count++];
        return Math.Max(1, count);
    }

    private int Draw(ReadOnlySpan<double> weights)
    {
        var total = 0.0;
        foreach (var weight in weights) total += weight;
        var left = _random.NextDouble() * total;
        for (var i = 0; i < weights.Length - 1; i++)
            if ((left -= weights[i]) < 0) return i;
        return weights.Length - 1;
    }
}
