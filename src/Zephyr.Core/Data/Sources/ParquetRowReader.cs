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
    // Footers and pages are checked before Parquet.Net sees them, so that nothing should keep it busy; what does all the same is not waited for.
    private static readonly TimeSpan OpenLimit = TimeSpan.FromSeconds(20), GroupLimit = TimeSpan.FromSeconds(60);

    // The slowest decoding that was seen is thirty times as fast.
    private const double SlowestBytesPerSecond = 4e6;

    /// <summary>What the columns of a row group may take when they are unpacked: they are held together. A small file can claim any number.</summary>
    private const long LargestGroup = 2L << 30;

    /// <summary>The rows of one file.</summary>
    /// <exception cref="UserErrorException">A file that is not Parquet, is damaged, or has a form that cannot be read.</exception>
    public static IEnumerable<DataRow> Read(string file, ColumnChoice choose)
    {
        using var stream = UserFile.Open(file, "data file");
        var footer = Guard(file, () => ParquetFooter.Read(stream));
        using var view = new ParquetView(stream, footer);
        var reader = Guard(file, () => Within(OpenLimit, () => ParquetReader.CreateAsync(view)));
        var nodes = Guard(file, () => ParquetNode.Build(reader.Metadata!.Schema));
        var fields = Guard(file, () => reader.Schema.GetDataFields().ToDictionary(field => field.Path.ToString()));
        string[] columns = [.. nodes.Select(node => node.Name)];
        var wanted = Wanted(file, nodes, choose(new(file, 1, IsLine: false), columns), fields);
        long number = 0;
        for (var group = 0; group < footer.Groups.Count; group++)
        {
            var limit = Guard(file, () => CheckPages(view, footer.Groups[group], wanted));
            foreach (var values in ReadGroup(file, footer.Groups[group].Rows, () => Within(limit, () => ReadColumns(reader.OpenRowGroupReader(group), wanted, fields)), wanted))
                yield return new(new(file, ++number, IsLine: false), columns, values);
        }
    }

    /// <summary>How many rows the file says that it has.</summary>
    /// <exception cref="UserErrorException">A file that is not Parquet or is damaged.</exception>
    public static long Count(string file)
    {
        using var stream = UserFile.Open(file, "data file");
        return Guard(file, () => ParquetFooter.Read(stream).Groups.Sum(group => group.Rows));
    }

    /// <summary>A method of its own, so that nothing holds a group's columns any more when the next group's are read.</summary>
    private static IEnumerable<Dictionary<string, object?>> ReadGroup(string file, long rows, Func<ParquetRowAssembler> read, ParquetNode[] wanted)
    {
        var assembler = Guard(file, read);
        for (long row = 0; row < rows; row++)
            yield return Guard(file, () => wanted.ToDictionary(node => node.Name, assembler.Take));
        Guard(file, () => assembler.RequireEnd());
    }

    /// <summary>Checks the pages of the columns that are wanted, and makes them what the library sees.</summary>
    /// <returns>How long reading them may take.</returns>
    private static TimeSpan CheckPages(ParquetView view, ParquetGroup group, ParquetNode[] wanted)
    {
        view.Forget();
        var unpacked = 0L;
        foreach (var leaf in wanted.SelectMany(node => node.Leaves))
            unpacked += new ParquetPages(view, group.Chunks[leaf.Path]).Check(LargestGroup - unpacked);
        return GroupLimit + TimeSpan.FromSeconds(unpacked / SlowestBytesPerSecond);
    }

    /// <summary>On a thread that ends with the process, however busy it is.</summary>
    /// <exception cref="TimeoutException">It took longer.</exception>
    private static T Within<T>(TimeSpan limit, Func<Task<T>> read) => Task.Run(read).WaitAsync(limit).GetAwaiter().GetResult();

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

    private static async Task<ParquetRowAssembler> ReadColumns(
        ParquetRowGroupReader group, ParquetNode[] wanted, Dictionary<string, DataField> fields)
    {
        var columns = new Dictionary<string, ParquetColumn>();
        foreach (var leaf in wanted.SelectMany(node => node.Leaves))
            columns[leaf.Path] = await ParquetColumn.ReadAsync(group, fields[leaf.Path]).ConfigureAwait(false);
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
            throw new UserErrorException($"{file}: cannot be read as Parquet: reading it did not come to an end, it is damaged", error);
        }
        catch (Exception error) when (error is not UserErrorException)
        {
            throw new UserErrorException(
                $"{file}: cannot be read as Parquet, it is cut off, damaged or of another format ({error.Message.TrimEnd('.')})", error);
        }
    }
}
