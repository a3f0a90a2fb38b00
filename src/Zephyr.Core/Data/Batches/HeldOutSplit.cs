using Zephyr.Runtime;

namespace Zephyr.Data.Batches;

/// <summary>Holds out a share of the rows by a seeded choice of prompts, so that no prompt stands on both sides.</summary>
public static class HeldOutSplit
{
    /// <summary>Keeps the choice apart from the other random streams of the same seed.</summary>
    private const long SplitStream = 2;

    /// <param name="rows">All rows.</param>
    /// <param name="promptOf">What a row may not share with a held-out one.</param>
    /// <param name="fraction">Share of the distinct prompts to hold out; at least one where above 0.</param>
    /// <param name="seed">The run's seed.</param>
    /// <returns>Both sides in the order of the rows.</returns>
    /// <exception cref="UserErrorException">Nothing would be left to train on.</exception>
    public static (List<T> Train, List<T> Held) Split<T>(IReadOnlyList<T> rows, Func<T, string> promptOf, double fraction, long seed)
    {
        var prompts = rows.Select(promptOf).Distinct().ToList();
        var count = fraction == 0 ? 0 : Math.Max(1, (int)Math.Round(fraction * prompts.Count));
        if (count > 0 && count >= prompts.Count)
            throw new UserErrorException($"eval_fraction: {fraction} of {prompts.Count} distinct prompts leaves none to train on; expected more rows, or an eval_dataset");
        var held = new SeededRandom(seed, SplitStream).Permutation(prompts.Count).Take(count).Select(index => prompts[index]).ToHashSet();
        return ([.. rows.Where(row => !held.Contains(promptOf(row)))], [.. rows.Where(row => held.Contains(promptOf(row)))]);
    }
}
