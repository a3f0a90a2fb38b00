namespace Zephyr.Data;

/// <summary>What became of one row: the record that was made of it, or what is wrong with it.</summary>
/// <param name="Record">The record; null where there is an error.</param>
/// <param name="Error">Why there is none.</param>
public readonly record struct RowOutcome<T>(T? Record, BadRowException? Error);

/// <summary>Makes records of rows without ending at a bad one. May be used from several threads.</summary>
public static class RowOutcome
{
    /// <summary>What <paramref name="read"/> makes of a row; a <see cref="BadRowException"/> is an outcome, all else is thrown.</summary>
    public static RowOutcome<T> Of<TRow, T>(TRow row, Func<TRow, T> read)
    {
        ArgumentNullException.ThrowIfNull(read);
        try
        {
            return new(read(row), null);
        }
        catch (BadRowException error)
        {
            return new(default, error);
        }
    }
}
