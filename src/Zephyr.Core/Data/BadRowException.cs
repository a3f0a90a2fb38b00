using Zephyr.Runtime;

namespace Zephyr.Data;

/// <summary>A row that cannot be used, said in one sentence: file, line or row, field, what was found, what was expected.</summary>
public sealed class BadRowException : UserErrorException
{
    /// <param name="location">File and row.</param>
    /// <param name="field">The field, as a path ("messages[2].role"); empty for the row as a whole.</param>
    /// <param name="found">What stood there, shortened.</param>
    /// <param name="expected">What would have been right.</param>
    public BadRowException(RowLocation location, string field, string found, string expected)
        : base($"{location}{(field.Length > 0 ? $", field '{field}'" : "")}: found {found}, expected {expected}")
    {
        Location = location;
        Field = field;
    }

    /// <summary>File and row.</summary>
    public RowLocation Location { get; }

    /// <summary>The field's path.</summary>
    public string Field { get; }
}
