namespace Zephyr.Data.Prepared;

/// <summary>How rows of one kind become bytes, and rows again.</summary>
internal interface IRowFormat<T>
{
    /// <summary>Appends a row.</summary>
    void Write(T row, RowWriter to);

    /// <summary>The row that <see cref="Write"/> was given, as a new object.</summary>
    T Read(ref RowReader from);
}
