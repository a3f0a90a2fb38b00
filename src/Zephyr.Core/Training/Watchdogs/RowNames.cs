namespace Zephyr.Training.Watchdogs;

/// <summary>Names rows in messages: where each came from, the first few of many.</summary>
/// <param name="placeOf">Says where a row came from, given its index.</param>
internal sealed class RowNames(Func<int, string> placeOf)
{
    private const int Named = 5;

    /// <summary>"a.jsonl, line 3; a.jsonl, line 9 and 4 more".</summary>
    public string Of(IReadOnlyList<int> rows) =>
        string.Join("; ", rows.Take(Named).Select(placeOf)) + (rows.Count > Named ? $" and {rows.Count - Named} more" : "");
}
