using Zephyr.Runtime;

namespace Zephyr.Feedback;

/// <summary>
/// Which prompts are held out: the ones with the smallest seeded numbers. A prompt's number depends on nothing but the
/// seed and its text, so all pairs of a prompt are on one side, whatever the order of the rows.
/// </summary>
public sealed class TestSplit
{
    // "test" in ASCII: what the numbers are for.
    private const long Stream = 0x74657374;

    private readonly HashSet<long> _keys;

    private TestSplit(HashSet<long> keys) => _keys = keys;

    /// <summary>Chooses among the prompts that have a pair.</summary>
    /// <param name="promptKeys">Their <see cref="PromptId.KeyOf"/>; repetitions count once.</param>
    /// <param name="fraction">Share of the prompts to hold out, 0 to 0.5; above 0 it is at least one, if there are two.</param>
    /// <param name="seed">The run's seed.</param>
    public static TestSplit Choose(IEnumerable<long> promptKeys, double fraction, long seed)
    {
        var all = promptKeys.ToHashSet();
        var least = fraction > 0 && all.Count > 1 ? 1 : 0;
        var count = Math.Max(least, (int)Math.Round(fraction * all.Count, MidpointRounding.AwayFromZero));
        return new([.. all.OrderBy(key => new SeededRandom(seed, Stream, key).NextUInt64()).ThenBy(key => key).Take(count)]);
    }

    /// <summary>Whether the pairs of this prompt are for testing.</summary>
    public bool Holds(string prompt) => _keys.Contains(PromptId.KeyOf(prompt));
}
