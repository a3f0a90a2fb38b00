using Zephyr.Runtime;

namespace Zephyr.Data.Sources;

/// <summary>Says which of a row's columns are needed; it may refuse them with a <see cref="BadRowException"/>.</summary>
/// <param name="location">The row, or the file's first row where all rows have the same columns (Parquet).</param>
/// <param name="columns">The columns that are there.</param>
public delegate IReadOnlyCollection<string> ColumnChoice(RowLocation location, IReadOnlyList<string> columns);

/// <summary>Streams the rows of data files, whatever their format: one line or one row group is in memory at a time.</summary>
public static class RowReader
{
    /// <summary>The rows of <paramref name="source"/>, file after file, with the columns that <paramref name="choose"/> names.</summary>
    /// <param name="source">Paths, as <see cref="DataFiles.Resolve"/> gives them.</param>
    /// <param name="choose">Asked once a Parquet file and once a JSON line.</param>
    /// <exception cref="UserErrorException">
    /// A file that cannot be read, one of which no row can be read though bad rows are left out, or no row in any of them.
    /// </exception>
    /// <exception cref="BadRowException">A row that cannot be read, where bad rows are not left out, or a Parquet file without the right columns.</exception>
    public static IEnumerable<DataRow> Read(RowSource source, ColumnChoice choose)
    {
        ArgumentNullException.ThrowIfNull(source);
        var any = false;
        foreach (var file in source.Files)
            foreach (var row in ReadFile(file, choose, source.Bad))
            {
                any = true;
                yield return row;
            }
        if (!any) throw new UserErrorException($"{string.Join(", ", source.Files.Select(file => file.Path))}: found no rows, expected at least one");
    }

    /// <inheritdoc cref="Read(RowSource, ColumnChoice)"/>
    public static IEnumerable<DataRow> Read(IReadOnlyList<string> files, ColumnChoice choose) => Read(RowSource.Of(files), choose);

    /// <summary>How many rows a file has, bad ones too: told by a Parquet file, counted in JSON Lines.</summary>
    /// <exception cref="UserErrorException">The file cannot be read.</exception>
    public static long Count(string file) => DataFileName.IsParquet(file) ? ParquetRowReader.Count(file) : JsonLinesReader.Count(file);

    private static IEnumerable<DataRow> ReadFile(RowFile file, ColumnChoice choose, BadRows bad) => DataFileName.IsParquet(file.Path)
        ? ParquetRowReader.Read(file.Path, choose).Take(file.Rows)
        : JsonLinesReader.Read(file, choose, bad);
}
