namespace Zephyr.Data;

/// <summary>Rows that a person may stop waiting for.</summary>
public static class CancellableRows
{
    /// <summary>The rows, one by one until the signal.</summary>
    /// <exception cref="OperationCanceledException">It came.</exception>
    public static IEnumerable<T> Until<T>(this IEnumerable<T> rows, CancellationToken cancellation) => rows.Select(row =>
    {
        cancellation.ThrowIfCancellationRequested();
        return row;
    });
}
