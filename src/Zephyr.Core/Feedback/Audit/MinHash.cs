using Zephyr.Runtime;

namespace Zephyr.Feedback.Audit;

/// <summary>
/// Signatures of sets of numbers: for each of a number of hash functions the smallest hash of the set. Two sets have the same smallest one
/// with a probability of their Jaccard similarity. Several in a row make a band, which is one number here.
/// </summary>
internal sealed class MinHash
{
    /// <summary>Bands of a signature.</summary>
    public const int BandCount = 42;

    private const int RowsOfBand = 3;

    // "minh" in ASCII. The functions are the same in every run: what is alike does not depend on the run's seed.
    private const long Stream = 0x6D696E68;

    private readonly (ulong Factor, ulong Addend)[] _functions;

    public MinHash()
    {
        var random = new SeededRandom(0, Stream);
        _functions = [.. Enumerable.Range(0, BandCount * RowsOfBand).Select(_ => (random.NextUInt64() | 1, random.NextUInt64()))];
    }

    /// <summary>The bands of a set's signature.</summary>
    /// <param name="set">At least one number, well mixed.</param>
    public uint[] Bands(ReadOnlySpan<ulong> set)
    {
        var bands = new uint[BandCount];
        for (var band = 0; band < BandCount; band++)
        {
            var signature = 0UL;
            for (var row = 0; row < RowsOfBand; row++)
            {
                var (factor, addend) = _functions[band * RowsOfBand + row];
                var least = ulong.MaxValue;
                // The high half of a product depends on all of the number's bits.
                foreach (var number in set) least = Math.Min(least, unchecked(number * factor + addend) >> 32);
                signature = unchecked((signature ^ least) * 0x9E3779B97F4A7C15);
            }
            bands[band] = (uint)(signature >> 32);
        }
        return bands;
    }
}
