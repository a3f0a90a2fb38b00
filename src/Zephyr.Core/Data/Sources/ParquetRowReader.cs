using Parquet;
using Parquet.Schema;
using Zephyr.Runtime;

namespace Zephyr.Data.Sources;

/// <summary>
/// Reads Parquet, one row group in memory at a time and only the columns that are asked for. Parquet.Net is asynchronous
/// throughout; it is waited for here, so that no caller, and above all no tensor, ever crosses a thread.
/// </summary>
public static class ParquetRowReader
{
    // A damaged footer can send Parquet.Net into an endless loop that heeds no cancellation; a sound one takes milliseconds.
    private static readonly TimeSpan OpenLimit = TimeSpan.FromSeconds(20);

    /// <summary>The rows of one file.</summary>
    /// <exception cref="UserErrorException">A file that is not Parquet, is damaged, or has a form that cannot be read.</exception>
    public static IEnumerable<DataRow> Read(string file, ColumnChoice choose)
    {
        using var stream = UserFile.Open(file, "data file");
        var reader = Guard(file, () => Open(stream));
        var nodes = Guard(file, () => ParquetNode.Build(reader.Metadata!.Schema));
        var fields = Guard(file, () => reader.Schema.GetDataFields().ToDictionary(field => field.Path.ToString()));
        string[] columns = [.. nodes.Select(node => node.Name)];
        var wanted = Wanted(file, nodes, choose(new(file, 1, IsLine: false), columns), fields);
        long number = 0;
        for (var group = 0; group < reader.RowGroupCount; group++)
            foreach (var values in ReadGroup(file, reader.OpenRowGroupReader(group), wanted, fields))
                yield return new(new(file, ++number, IsLine: false), columns, values);
    }

    /// <summary>How many rows the file says that it has.</summary>
    /// <exception cref="UserErrorException">A file that is not Parquet or is damaged.</exception>
    public static long Count(string file)
    {
        using var stream = UserFile.Open(file, "data file");
        var reader = Guard(file, () => Open(stream));
        return Enumerable.Range(0, reader.RowGroupCount).Sum(group => reader.OpenRowGroupReader(group).RowCount);
    }

    /// <summary>A method of its own, so that nothing holds a group's columns any more when the next group's are read.</summary>
    private static IEnumerable<Dictionary<string, object?>> ReadGroup(
        string file, ParquetRowGroupReader source, ParquetNode[] wanted, Dictionary<string, DataField> fields)
    {
        var assembler = Guard(file, () => ReadColumns(source, wanted, fields));
        for (long row = 0; row < source.RowCount; row++)
            yield return Guard(file, () => wanted.ToDictionary(node => node.Name, assembler.Take));
    }

    private static ParquetReader Open(FileStream stream) =>
        Task.Run(() => ParquetReader.CreateAsync(stream)).WaitAsync(OpenLimit).GetAwaiter().GetResult();

    private static ParquetNode[] Wanted(
        string file, IReadOnlyList<ParquetNode> nodes, IReadOnlyCollection<string> names, Dictionary<string, DataField> fields)
    {
        var wanted = new List<ParquetNode>();
        foreach (var node in nodes.Where(node => names.Contains(node.Name)))
            wanted.Add(Prune(node, fields) ?? throw new UserErrorException(
                $"{file}: column '{node.Name}' has a type or list layout that Zephyr cannot read, "
                + "expected text, numbers, booleans, and lists and structs of them; "
                + "rewrite the file with a current writer, or as JSON Lines"));
        return [.. wanted];
    }

    /// <summary>The node without what rows cannot show (dates, decimals, ...); null where nothing is left.</summary>
    private static ParquetNode? Prune(ParquetNode node, Dictionary<string, DataField> fields)
    {
        if (node.Kind == ParquetNodeKind.Leaf)
            return fields.TryGetValue(node.Path, out var field) && ParquetColumn.Supports(field) ? node : null;
        ParquetNode[] children = [.. node.Children.Select(child => Prune(child, fields)).OfType<ParquetNode>()];
        return children.Length > 0 ? node with { Children = children } : null;
    }

    private static ParquetRowAssembler ReadColumns(
        ParquetRowGroupReader group, ParquetNode[] wanted, Dictionary<string, DataField> fields)
    {
        var columns = new Dictionary<string, ParquetColumn>();
        foreach (var leaf in wanted.SelectMany(node => node.Leaves))
            columns[leaf.Path] = ParquetColumn.ReadAsync(group, fields[leaf.Path]).GetAwaiter().GetResult();
        return new(columns);
    }

    /// <summary>Parquet.Net has no exception of its own for a bad file: whatever it throws means one.</summary>
    private static T Guard<T>(string file, Func<T> read)
    {
        try
        {
            return read();
        }
        catch (NotImplementedException error)
        {
            throw new UserErrorException(
                $"{file}: its lists are stored in data pages of version 2, which Parquet.Net does not read yet; "
                + "rewrite it with version 1 pages (pyarrow: pq.write_table(pq.read_table(file), out, data_page_version='1.0')) "
                + "or as JSON Lines", error);
        }
        catch (TimeoutException error)
        {
            throw new UserErrorException($"{file}: cannot be read as Parquet: its footer is damaged", error);
        }
        catch (Exception error) when (error is not UserErrorException)
        {
            throw new UserErrorException(
                $"{file}: cannot be read as Parquet, it is cut off, damaged or of another format ({error.Message.TrimEnd('.')})", error);
        }
    }
}
