using Zephyr.Runtime;

namespace Zephyr.Data.Batches;

/// <summary>Holds out a share of the rows by a seeded choice of prompts, so that no prompt stands on both sides.</summary>
public static class HeldOutSplit
{
    /// <param name="rows">All rows; they are run through twice or three times rather than held.</param>
    /// <param name="promptOf">What a row may not share with a held-out one.</param>
    /// <param name="fraction">Share of the distinct prompts to hold out, above 0; at least one.</param>
    /// <param name="seed">The run's seed.</param>
    /// <returns>Both sides in the order of the rows.</returns>
    /// <exception cref="UserErrorException">Nothing would be left to train on.</exception>
    public static (IEnumerable<T> Train, IEnumerable<T> Held) Split<T>(IEnumerable<T> rows, Func<T, string> promptOf, double fraction, long seed)
    {
        var keys = rows.Select(row => PromptKey.Of(promptOf(row))).ToHashSet();
        var split = PromptSplit.Choose(keys, fraction, seed);
        if (keys.Count < 2 || split.Count == keys.Count)
            throw new UserErrorException($"eval_fraction: {fraction} of {keys.Count} distinct prompts leaves none to train on; "
                + "expected more rows, or an eval_dataset");
        return (rows.Where(row => !split.Holds(promptOf(row))), rows.Where(row => split.Holds(promptOf(row))));
    }
}
