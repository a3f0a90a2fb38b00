using Zephyr.Data.Batches;

namespace Zephyr.Training;

/// <summary>
/// The rows of a step in as few micro-batches as hold them under a number of tokens, and these as even as the rows allow. How a step is
/// divided changes nothing but the order of its sums (decision 4).
/// </summary>
internal static class EvenBatches
{
    /// <summary>
    /// The longest row first, each into the emptiest micro-batch, in as few micro-batches as stay under the limit that way. Where best fit
    /// needs fewer, its own are taken and levelled. Either way the largest is longer than the smallest by at most its own shortest row.
    /// </summary>
    /// <param name="tokens">Of each row, at least 1.</param>
    /// <param name="limit">The most tokens of a micro-batch.</param>
    /// <returns>The rows of each, in their order; the micro-batches in the order of their first rows. One function of the arguments.</returns>
    /// <exception cref="ArgumentOutOfRangeException">A row is over the limit alone.</exception>
    public static IReadOnlyList<int[]> Of(IReadOnlyList<int> tokens, int limit)
    {
        if (tokens.Sum(row => (long)row) <= limit) return [[.. Enumerable.Range(0, tokens.Count)]];
        int[] longestFirst = [.. Enumerable.Range(0, tokens.Count).OrderByDescending(row => tokens[row])];
        List<List<int>>? bestFit = null;
        for (var count = LeastOf(tokens, limit); ; count++)
        {
            if (EmptiestFirst(longestFirst, tokens, limit, count) is { } even) return InOrder(even);
            bestFit ??= [.. BestFitDecreasing.Place(tokens, limit).Select(rows => rows.ToList())];
            if (count >= bestFit.Count) return InOrder(Levelled(bestFit, tokens));
        }
    }

    /// <summary>What no division can do without: room for all tokens, and a micro-batch for each row that takes more than half of one.</summary>
    public static int LeastOf(IReadOnlyList<int> tokens, int limit) =>
        (int)Math.Max((tokens.Sum(row => (long)row) + limit - 1) / limit, tokens.Count(row => row > limit / 2));

    private static List<List<int>>? EmptiestFirst(int[] longestFirst, IReadOnlyList<int> tokens, int limit, int count)
    {
        var batches = Enumerable.Range(0, count).Select(_ => new List<int>()).ToList();
        // Equally empty ones by number, so that the result is one.
        var emptiest = new PriorityQueue<int, (long Tokens, int Number)>(Enumerable.Range(0, count).Select(number => (number, (0L, number))));
        foreach (var row in longestFirst)
        {
            emptiest.TryDequeue(out var number, out var before);
            var filled = before.Tokens + tokens[row];
            // Where the emptiest has no room, none has.
            if (filled > limit) return null;
            batches[number].Add(row);
            emptiest.Enqueue(number, (filled, number));
        }
        return batches;
    }

    /// <summary>Rows go from the largest to the smallest as long as that brings the two nearer; every move lowers the sum of the squares, so it ends.</summary>
    private static List<List<int>> Levelled(List<List<int>> batches, IReadOnlyList<int> tokens)
    {
        var filled = batches.Select(rows => rows.Sum(row => tokens[row])).ToArray();
        while (true)
        {
            var (largest, smallest) = (Array.IndexOf(filled, filled.Max()), Array.IndexOf(filled, filled.Min()));
            var gap = filled[largest] - filled[smallest];
            var movable = batches[largest].Where(row => tokens[row] < gap).ToList();
            if (movable.Count == 0) return batches;
            var moved = movable.MinBy(row => Math.Abs(gap - 2 * tokens[row]));
            batches[largest].Remove(moved);
            batches[smallest].Add(moved);
            filled[largest] -= tokens[moved];
            filled[smallest] += tokens[moved];
        }
    }

    private static List<int[]> InOrder(List<List<int>> batches) =>
        [.. batches.Where(rows => rows.Count > 0).Select(rows => rows.Order().ToArray()).OrderBy(rows => rows[0])];
}
