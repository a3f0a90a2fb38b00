namespace Zephyr.Runtime;

/// <summary>
/// The one source of randomness outside torch: a counter-based generator (SplitMix64), so that a stream is a pure
/// function of its seed and named purpose and is the same on every machine and every .NET version
/// (System.Random promises neither).
/// </summary>
public sealed class SeededRandom
{
    private ulong _state;

    /// <param name="seed">The run's seed.</param>
    /// <param name="stream">What the numbers are for; two streams of one seed are independent.</param>
    public SeededRandom(long seed, params ReadOnlySpan<long> stream)
    {
        _state = unchecked((ulong)seed);
        foreach (var part in stream) _state = Mix(NextUInt64() ^ unchecked((ulong)part));
    }

    /// <summary>The next 64 random bits.</summary>
    public ulong NextUInt64() => Mix(_state += 0x9E3779B97F4A7C15);

    /// <summary>A uniform number in [0, 1) with 53 random bits.</summary>
    public double NextDouble() => (NextUInt64() >> 11) * (1.0 / (1UL << 53));

    /// <summary>A uniform integer in [0, <paramref name="exclusiveMax"/>), without modulo bias.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The bound is not positive.</exception>
    public int NextInt(int exclusiveMax)
    {
        ArgumentOutOfRangeException.ThrowIfNegativeOrZero(exclusiveMax);
        var bound = (ulong)exclusiveMax;
        var limit = ulong.MaxValue - ulong.MaxValue % bound;
        ulong value;
        do value = NextUInt64(); while (value >= limit);
        return (int)(value % bound);
    }

    /// <summary>A uniformly random order of 0..<paramref name="count"/>-1 (Fisher-Yates).</summary>
    public int[] Permutation(int count)
    {
        var order = Enumerable.Range(0, count).ToArray();
        for (var i = count - 1; i > 0; i--)
        {
            var j = NextInt(i + 1);
            (order[i], order[j]) = (order[j], order[i]);
        }
        return order;
    }

    private static ulong Mix(ulong z)
    {
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
        return z ^ (z >> 31);
    }
}
