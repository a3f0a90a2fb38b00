using System.Text.RegularExpressions;
using Zephyr.Runtime;

namespace Zephyr.Data;

/// <summary>A row that cannot be used, said in one sentence: file, line or row, field, what was found, what was expected.</summary>
public sealed partial class BadRowException : UserErrorException
{
    // Names in it are the row's.
    private const int LongestField = 300;

    /// <param name="location">File and row.</param>
    /// <param name="field">The field, as a path ("messages[2].role"); empty for the row as a whole.</param>
    /// <param name="found">What stood there, shortened.</param>
    /// <param name="expected">What would have been right.</param>
    /// <param name="reason">The kind of fault, the same for all rows that have it; otherwise it is made of the field and what was expected.</param>
    public BadRowException(RowLocation location, string field, string found, string expected, string? reason = null)
        : base($"{location}{(field.Length > 0 ? $", field '{Shortened(field, LongestField)}'" : "")}: found {found}, expected {expected}")
    {
        field = Shortened(field, LongestField);
        Location = location;
        Field = field;
        Reason = reason ?? $"{(field.Length > 0 ? $"a field '{Indices().Replace(field, "[]")}'" : "content")} other than {expected}";
    }

    /// <summary>File and row.</summary>
    public RowLocation Location { get; }

    /// <summary>The field's path.</summary>
    public string Field { get; }

    /// <summary>The kind of fault, for counting: it names no single row.</summary>
    public string Reason { get; }

    [GeneratedRegex(@"\[\d+\]")]
    private static partial Regex Indices();
}
