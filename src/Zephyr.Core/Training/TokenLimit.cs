using Zephyr.Runtime;

namespace Zephyr.Training;

/// <summary>How many tokens may go through the policy at once (max_tokens_per_batch), and what a row counts for.</summary>
/// <param name="MaxTokens">The most in a micro-batch; 0 for no limit.</param>
/// <param name="TokensOf">Tokens of a row that are in memory together.</param>
public sealed record TokenLimit<TExample>(int MaxTokens, Func<TExample, int> TokensOf)
{
    /// <summary>Rows in their order, in batches that end where another row would be too much: for what is no step.</summary>
    /// <param name="rows">The rows. One that is over the limit makes a batch of its own.</param>
    /// <param name="maxRows">The most rows of a batch.</param>
    public IEnumerable<IReadOnlyList<TExample>> BatchesInOrder(IEnumerable<TExample> rows, int maxRows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var (batch, filled) = (new List<TExample>(), 0L);
        foreach (var row in rows)
        {
            var tokens = TokensOf(row);
            if (batch.Count == maxRows || (batch.Count > 0 && MaxTokens > 0 && filled + tokens > MaxTokens))
            {
                yield return batch;
                (batch, filled) = ([], 0);
            }
            batch.Add(row);
            filled += tokens;
        }
        if (batch.Count > 0) yield return batch;
    }

    /// <summary>Refuses rows of which one alone is over the limit, and names the longest.</summary>
    /// <param name="rows">The rows.</param>
    /// <param name="placeOf">Says where a row came from, given the row and its index.</param>
    /// <param name="remedy">What shortens rows.</param>
    /// <exception cref="UserErrorException">There is such a row.</exception>
    public void RequireRoom(IReadOnlyList<TExample> rows, Func<TExample, int, string> placeOf, string remedy)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(placeOf);
        if (MaxTokens == 0 || rows.Count == 0) return;
        var longest = Enumerable.Range(0, rows.Count).MaxBy(row => TokensOf(rows[row]));
        var tokens = TokensOf(rows[longest]);
        if (tokens > MaxTokens)
            throw new UserErrorException($"{placeOf(rows[longest], longest)}: found {tokens} tokens that have to be in memory together, the most of all rows, "
                + $"expected at most max_tokens_per_batch {MaxTokens}; give max_tokens_per_batch at least {tokens}, or {remedy}");
    }
}
