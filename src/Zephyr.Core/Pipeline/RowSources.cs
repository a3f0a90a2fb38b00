using Zephyr.Data;
using Zephyr.Data.Sources;

namespace Zephyr.Pipeline;

/// <summary>Rows with the value of one more column, by which figures are told apart.</summary>
/// <param name="column">The column; null for none.</param>
internal sealed class RowSources(string? column)
{
    /// <summary>What a row without a value counts as.</summary>
    private const string Nothing = "(none)";

    private static readonly string[] Known = ["messages", "conversations", "prompt", "completion", "data", "text", "chosen", "rejected", "score_chosen", "score_rejected"];

    private readonly Dictionary<RowLocation, string> _byRow = [];

    /// <summary>Reads rows and remembers the column's value of each.</summary>
    public IEnumerable<T> Read<T>(RowSource source, Func<DataRow, T> parse) => source.Bad.Select(
        RowReader.Read(source, (_, columns) => [.. columns.Where(name => name == column || Known.Contains(name))]),
        row =>
        {
            var parsed = parse(row);
            if (column is null) return parsed;
            if (!row.Columns.Contains(column)) throw new BadRowException(row.Location, "", $"the columns {DataRow.JoinNames(row.Columns)}", $"a column {column}, by which the figures are told apart");
            _byRow[row.Location] = row[column] switch
            {
                null => Nothing,
                string text => text,
                bool flag => flag ? "true" : "false",
                long or double => FormattableString.Invariant($"{row[column]}"),
                var other => throw new BadRowException(row.Location, column, DataRow.Describe(other), "a text or a number"),
            };
            return parsed;
        });

    /// <summary>Scores by the value of the column, in ordinal order; none where no column was named.</summary>
    public IEnumerable<(string Source, IReadOnlyList<T> Scores)> Group<T>(IReadOnlyList<T> scores, Func<T, RowLocation?> placeOf) => column is null ? []
        : scores.GroupBy(score => placeOf(score) is { } place ? _byRow[place] : Nothing).OrderBy(group => group.Key, StringComparer.Ordinal).Select(group => (group.Key, (IReadOnlyList<T>)[.. group]));

    /// <summary>The value of a row; null where no column was named.</summary>
    public string? Of(RowLocation? place) => place is { } known ? _byRow.GetValueOrDefault(known) : null;
}
