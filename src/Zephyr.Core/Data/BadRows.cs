using Zephyr.Runtime;

namespace Zephyr.Data;

/// <summary>Rows that were left out because they cannot be used.</summary>
/// <param name="Reason">The kind of fault; it names no single row.</param>
/// <param name="Rows">How many different rows have it.</param>
public sealed record BadRowCount(string Reason, long Rows);

/// <summary>
/// What rows that cannot be used do (on_bad_row): the first one ends the run, or all are left out, counted by reason and the first
/// ones named. A row counts once however often it is read, as rows are that a share is held out of.
/// </summary>
/// <param name="skip">Whether they are left out.</param>
public sealed class BadRows(bool skip)
{
    private const int Named = 5;

    /// <summary>What is remembered of each row left out takes some 50 bytes; a small compressed file can hold rows without end.</summary>
    private const int MostBad = 1_000_000;

    private readonly HashSet<RowLocation> _seen = [];
    private readonly Dictionary<string, long> _byReason = [];
    private readonly List<string> _first = [];

    /// <summary>How many different rows were left out so far.</summary>
    public long Count => _seen.Count;

    /// <summary>The rows left out by reason, the most frequent first.</summary>
    public IReadOnlyList<BadRowCount> ByReason => [.. _byReason.OrderByDescending(reason => reason.Value).ThenBy(reason => reason.Key, StringComparer.Ordinal).Select(reason => new BadRowCount(reason.Key, reason.Value))];

    /// <summary>The records of the good rows, in order.</summary>
    /// <param name="outcomes">What became of each row.</param>
    /// <exception cref="BadRowException">A row is bad, and rows are not to be left out.</exception>
    /// <exception cref="UserErrorException">All rows are bad: they are not what they are taken for.</exception>
    public IEnumerable<T> Kept<T>(IEnumerable<RowOutcome<T>> outcomes)
    {
        var (kept, bad) = (false, 0L);
        BadRowException? first = null;
        foreach (var outcome in outcomes)
        {
            if (outcome.Error is not { } error)
            {
                kept = true;
                yield return outcome.Record!;
                continue;
            }
            if (!skip) throw error;
            first ??= error;
            bad++;
            LeaveOut(error);
        }
        if (!kept && first is not null)
            throw new UserErrorException(bad == 1 ? first.Message : $"{first.Message}; none of the {bad} rows can be used", first);
    }

    /// <summary>What <paramref name="read"/> makes of the good rows, in order.</summary>
    /// <inheritdoc cref="Kept"/>
    public IEnumerable<T> Select<TRow, T>(IEnumerable<TRow> rows, Func<TRow, T> read) => Kept(rows.Select(row => RowOutcome.Of(row, read)));

    /// <summary>For notes: a line with the numbers by reason, the most frequent first, and a line for each of the first rows; empty where none was left out.</summary>
    public IEnumerable<string> Describe()
    {
        if (Count == 0) yield break;
        yield return $"{Count} {(Count == 1 ? "row" : "rows")} left out that cannot be used (on_bad_row: skip): "
            + string.Join("; ", ByReason.Select(reason => $"{reason.Rows} with {reason.Reason}"));
        foreach (var sentence in _first) yield return "left out: " + sentence;
        if (Count > _first.Count) yield return $"left out: {Count - _first.Count} more";
    }

    private void LeaveOut(BadRowException error)
    {
        if (!_seen.Add(error.Location)) return;
        if (_seen.Count > MostBad) throw new UserErrorException($"{error.Message}; more than {MostBad} rows cannot be used", error);
        _byReason[error.Reason] = _byReason.GetValueOrDefault(error.Reason) + 1;
        if (_first.Count < Named) _first.Add(error.Message);
    }
}
