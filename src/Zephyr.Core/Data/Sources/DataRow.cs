namespace Zephyr.Data.Sources;

/// <summary>
/// One row as a plain tree, the same for every file format. A value is null, a string, a bool, a long, a double, a list
/// (<see cref="IReadOnlyList{T}"/> of values) or a struct (<see cref="IReadOnlyDictionary{TKey,TValue}"/> of values by name).
/// </summary>
/// <param name="Location">File and line or row.</param>
/// <param name="Columns">Every column of the row, also those that were not asked for, in file order.</param>
/// <param name="Fields">The columns that were asked for and are there.</param>
public sealed record DataRow(RowLocation Location, IReadOnlyList<string> Columns, IReadOnlyDictionary<string, object?> Fields)
{
    /// <summary>The value of a column; null where the column is absent, was not asked for, or holds null.</summary>
    public object? this[string column] => Fields.GetValueOrDefault(column);

    /// <summary>Text for an error message that says what a value is: <c>null</c>, <c>the number 3</c>, <c>the text "abc"</c>.</summary>
    public static string Describe(object? value) => value switch
    {
        null => "null",
        string text => $"the text \"{Shorten(text)}\"",
        bool flag => flag ? "true" : "false",
        // 1.0 is no 1 to whoever expected a whole number.
        double number when number == Math.Floor(number) && Math.Abs(number) < 1e15 => $"the number {number:F1}",
        long or double => FormattableString.Invariant($"the number {value}"),
        IReadOnlyList<object?> list => list.Count == 0 ? "an empty list" : $"a list of {list.Count}",
        IReadOnlyDictionary<string, object?> fields => $"an object with {JoinNames(fields.Keys)}",
        _ => value.GetType().Name,
    };

    /// <summary>"a, b, c", or "no fields".</summary>
    internal static string JoinNames(IEnumerable<string> names)
    {
        const int Most = 50;
        string[] first = [.. names.Take(Most + 1).Select(Shorten)];
        return first.Length switch
        {
            0 => "no fields",
            <= Most => string.Join(", ", first),
            _ => string.Join(", ", first[..Most]) + ", ...",
        };
    }

    private static string Shorten(string text)
    {
        var line = text.ReplaceLineEndings(" ");
        return line.Length <= 40 ? line : line[..37] + "...";
    }
}
