using Zephyr.Runtime;

namespace Zephyr.Model.Generation;

/// <summary>Chooses tokens from scores: temperature, then top-k, then top-p, in transformers' order.</summary>
internal sealed class Sampler(SamplingOptions options)
{
    /// <summary>How many of the likeliest are looked at first where top-p alone says how many are wanted: nearly always enough.</summary>
    private const int FirstLook = 64;

    private readonly SeededRandom _random = new(options.Seed);

    /// <param name="logits">Scores over the vocabulary.</param>
    /// <exception cref="RunFailedException">A score is not a number.</exception>
    public int Choose(ReadOnlySpan<float> logits)
    {
        var likeliest = Highest(logits);
        if (options.Temperature == 0 || options.TopK == 1) return likeliest;
        if (options.TopK == 0 && options.TopP >= 1) return DrawFromAll(logits, logits[likeliest]);
        if (options.TopK > 0)
        {
            var ranking = Likeliest(logits, Math.Min(options.TopK, logits.Length));
            var weights = Weights(ranking, logits);
            return IdOf(ranking[Draw(weights.AsSpan(0, TopPCount(weights, weights.Sum())))]);
        }
        var total = 0.0;
        foreach (var logit in logits) total += Weight(logit, logits[likeliest]);
        for (var looked = Math.Min(FirstLook, logits.Length); ; looked = Math.Min(8 * looked, logits.Length))
        {
            var ranking = Likeliest(logits, looked);
            var weights = Weights(ranking, logits);
            var count = TopPCount(weights, total);
            // Where all that was looked at is wanted, some behind it may be too.
            if (count < looked || looked == logits.Length) return IdOf(ranking[Draw(weights.AsSpan(0, count))]);
        }
    }

    /// <summary>The first of the likeliest tokens.</summary>
    /// <exception cref="RunFailedException">A score is not a number.</exception>
    private static int Highest(ReadOnlySpan<float> logits)
    {
        var best = 0;
        for (var id = 0; id < logits.Length; id++)
        {
            // Without this, a broken model would say token 0 for ever: nothing compares as larger than NaN.
            if (float.IsNaN(logits[id]) || float.IsPositiveInfinity(logits[id]))
                throw new RunFailedException("the model's scores for the next token are not numbers (NaN): its weights are broken");
            if (logits[id] > logits[best]) best = id;
        }
        return best;
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

    /// <summary>The likeliest tokens in falling order and, where scores are equal, in order of id.</summary>
    internal static int[] LikeliestIds(ReadOnlySpan<float> logits, int wanted)
    {
        if (wanted == 0) return [];
        var ranking = Likeliest(logits, Math.Min(wanted, logits.Length));
        var ids = new int[ranking.Length];
        for (var i = 0; i < ids.Length; i++) ids[i] = IdOf(ranking[i]);
        return ids;
    }

    /// <summary>Higher scores have lower keys. The bits of a float are in order as an integer once the negative ones are turned round.</summary>
    private static long KeyOf(float logit, int id)
    {
        var bits = BitConverter.SingleToInt32Bits(logit + 0f); // + 0 makes -0 and 0 the same score.
        return ((long)~(bits ^ ((bits >> 31) & int.MaxValue)) << 32) | (uint)id;
    }

    private static int IdOf(long key) => (int)key;

    private double Weight(float logit, float highest) => Math.Exp((logit - highest) / options.Temperature);

    private double[] Weights(ReadOnlySpan<long> ranking, ReadOnlySpan<float> logits)
    {
        var weights = new double[ranking.Length];
        for (var i = 0; i < weights.Length; i++) weights[i] = Weight(logits[IdOf(ranking[i])], logits[IdOf(ranking[0])]);
        return weights;
    }

    /// <summary>A token stays while the ones before it have not reached top-p yet; the first always stays.</summary>
    private int TopPCount(double[] weights, double total)
    {
        if (options.TopP >= 1) return weights.Length;
        var enough = options.TopP * total;
        var (count, before) = (0, 0.0);
        while (count < weights.Length && before < enough) before += weights[count++];
        return Math.Max(1, count);
    }

    /// <summary>All tokens in order of id: the draw is as good as from a ranking, which takes ten times as long to make.</summary>
    private int DrawFromAll(ReadOnlySpan<float> logits, float highest)
    {
        var weights = new double[logits.Length];
        for (var id = 0; id < weights.Length; id++) weights[id] = Weight(logits[id], highest);
        return Draw(weights);
    }

    private int Draw(ReadOnlySpan<double> weights)
    {
        var total = 0.0;
        foreach (var weight in weights) total += weight;
        var left = _random.NextDouble() * total;
        var last = 0;
        for (var i = 0; i < weights.Length; i++)
        {
            if (weights[i] == 0) continue;
            if ((left -= weights[i]) < 0) return i;
            last = i; // What rounding leaves at the end is no reason to say what has no probability.
        }
        return last;
    }
}
