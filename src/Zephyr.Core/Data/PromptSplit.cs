using Zephyr.Runtime;

namespace Zephyr.Data;

/// <summary>
/// Which prompts are held out: the ones with the smallest seeded numbers. A prompt's number depends on nothing but the seed and
/// its text, so all rows of a prompt are on one side, whatever the order of the rows.
/// </summary>
public sealed class PromptSplit
{
    // "test" in ASCII: what the numbers are for, apart from the other random streams of the same seed.
    private const long Stream = 0x74657374;

    private readonly HashSet<long> _held;

    private PromptSplit(HashSet<long> held) => _held = held;

    /// <summary>How many prompts are held out.</summary>
    public int Count => _held.Count;

    /// <summary>Chooses among prompts.</summary>
    /// <param name="prompts">Their <see cref="PromptKey.Of"/>; repetitions count once.</param>
    /// <param name="fraction">Share of the prompts to hold out, 0 to 0.5; above 0 it is at least one, if there are two.</param>
    /// <param name="seed">The run's seed.</param>
    public static PromptSplit Choose(IEnumerable<long> prompts, double fraction, long seed)
    {
        var all = prompts.ToHashSet();
        var least = fraction > 0 && all.Count > 1 ? 1 : 0;
        var count = Math.Max(least, (int)Math.Round(fraction * all.Count, MidpointRounding.AwayFromZero));
        return new([.. all.OrderBy(key => new SeededRandom(seed, Stream, key).NextUInt64()).ThenBy(key => key).Take(count)]);
    }

    /// <summary>Whether the rows of this prompt are held out.</summary>
    public bool Holds(string prompt) => _held.Contains(PromptKey.Of(prompt));
}
