using Zephyr.Runtime;

namespace Zephyr.Data.Batches;

/// <summary>Holds out a share of the rows by a seeded choice of prompts, so that no prompt stands on both sides.</summary>
public static class HeldOutSplit
{
    /// <param name="rows">All rows.</param>
    /// <param name="promptOf">What a row may not share with a held-out one.</param>
    /// <param name="fraction">Share of the distinct prompts to hold out; at least one where above 0.</param>
    /// <param name="seed">The run's seed.</param>
    /// <returns>Both sides in the order of the rows.</returns>
    /// <exception cref="UserErrorException">Nothing would be left to train on.</exception>
    public static (List<T> Train, List<T> Held) Split<T>(IReadOnlyList<T> rows, Func<T, string> promptOf, double fraction, long seed)
    {
        if (fraction == 0) return ([.. rows], []);
        var keys = rows.Select(row => PromptKey.Of(promptOf(row))).ToHashSet();
        var split = PromptSplit.Choose(keys, fraction, seed);
        if (keys.Count < 2 || split.Count == keys.Count)
            throw new UserErrorException($"eval_fraction: {fraction} of {keys.Count} distinct prompts leaves none to train on; "
                + "expected more rows, or an eval_dataset");
        var sides = rows.ToLookup(row => split.Holds(promptOf(row)));
        return ([.. sides[false]], [.. sides[true]]);
    }
}
