using Zephyr.Runtime;

namespace Zephyr.Data.Sources;

/// <summary>One form in which a row may come: the columns that tell it, and what to make of them.</summary>
/// <param name="Name">How messages call it: its columns as a user would write them.</param>
/// <param name="Required">The columns that must be there; the first shape whose are, is taken.</param>
/// <param name="Optional">Further columns that are read where they are there.</param>
/// <param name="Parse">The record of a row. It throws <see cref="BadRowException"/>.</param>
internal sealed record RowShape<T>(string Name, string[] Required, string[] Optional, Func<DataRow, T> Parse)
{
    /// <summary>Whether a row with these columns has this shape.</summary>
    public bool Fits(IReadOnlyList<string> columns) => Required.All(columns.Contains);
}

/// <summary>The shapes in which one kind of record may come, most specific first.</summary>
internal sealed class RowShapes<T>(params RowShape<T>[] shapes)
{
    /// <summary>Streams the records of files.</summary>
    /// <exception cref="UserErrorException">A file or a row that cannot be used.</exception>
    public IEnumerable<T> Read(RowSource source) => source.Bad.Select(RowReader.Read(source, Choose), Parse);

    /// <inheritdoc cref="Read(RowSource)"/>
    public IEnumerable<T> Read(IReadOnlyList<string> files) => Read(RowSource.Of(files));

    /// <summary>The record of one row.</summary>
    /// <exception cref="BadRowException">No shape fits, or a field is not what its shape expects.</exception>
    public T Parse(DataRow row) => Find(row.Location, row.Columns).Parse(row);

    private string[] Choose(RowLocation location, IReadOnlyList<string> columns)
    {
        var shape = Find(location, columns);
        return [.. shape.Required, .. shape.Optional.Where(columns.Contains)];
    }

    private RowShape<T> Find(RowLocation location, IReadOnlyList<string> columns) =>
        shapes.FirstOrDefault(shape => shape.Fits(columns))
        ?? throw new BadRowException(location, "", $"the columns {DataRow.JoinNames(columns)}",
            string.Join("; or ", shapes.Select(shape => shape.Name)), "columns of no known kind of row");
}
