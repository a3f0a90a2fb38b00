using Zephyr.Runtime;

namespace Zephyr.Data.Sources;

/// <summary>Says which of a row's columns are needed; it may refuse them with a <see cref="BadRowException"/>.</summary>
/// <param name="location">The row, or the file's first row where all rows have the same columns (Parquet).</param>
/// <param name="columns">The columns that are there.</param>
public delegate IReadOnlyCollection<string> ColumnChoice(RowLocation location, IReadOnlyList<string> columns);

/// <summary>Streams the rows of data files, whatever their format: one line or one row group is in memory at a time.</summary>
public static class RowReader
{
    /// <summary>The rows of <paramref name="files"/>, file after file, with the columns that <paramref name="choose"/> names.</summary>
    /// <param name="files">Paths, as <see cref="DataFiles.Resolve"/> gives them.</param>
    /// <param name="choose">Asked once a Parquet file and once a JSON line.</param>
    /// <exception cref="UserErrorException">A file that cannot be read, or no row in any of them.</exception>
    /// <exception cref="BadRowException">A row that cannot be read.</exception>
    public static IEnumerable<DataRow> Read(IReadOnlyList<string> files, ColumnChoice choose)
    {
        var any = false;
        foreach (var file in files)
            foreach (var row in ReadFile(file, choose))
            {
                any = true;
                yield return row;
            }
        if (!any) throw new UserErrorException($"{string.Join(", ", files)}: found no rows, expected at least one");
    }

    private static IEnumerable<DataRow> ReadFile(string file, ColumnChoice choose) =>
        DataFiles.IsParquet(file) ? ParquetRowReader.Read(file, choose) : JsonLinesReader.Read(file, choose);
}
