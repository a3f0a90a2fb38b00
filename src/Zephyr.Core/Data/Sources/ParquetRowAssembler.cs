namespace Zephyr.Data.Sources;

/// <summary>
/// Puts rows together from columns: Dremel's record assembly. A column stores only leaves; its definition levels say how
/// much of the path to each leaf was there, its repetition levels which list it goes on with.
/// </summary>
internal sealed class ParquetRowAssembler(IReadOnlyDictionary<string, ParquetColumn> columns)
{
    /// <summary>The value of <paramref name="node"/> at the cursors of its columns, which move on past it.</summary>
    /// <param name="node">A node whose unreadable leaves were pruned: each leaf that is left has its column.</param>
    public object? Take(ParquetNode node)
    {
        if (node.Kind == ParquetNodeKind.Leaf) return columns[node.Path].Take();
        if (First(node).Definition < node.DefinedAt) return Skip(node, null);
        return node.Kind == ParquetNodeKind.Struct ? TakeStruct(node) : TakeList(node);
    }

    /// <summary>All rows were taken.</summary>
    /// <exception cref="FormatException">A column holds more than the rows.</exception>
    public bool RequireEnd() => columns.Values.All(column => column.AtEnd) ? true : throw new FormatException("a column goes on behind the last row");

    private Dictionary<string, object?> TakeStruct(ParquetNode node)
    {
        var fields = new Dictionary<string, object?>(node.Children.Count);
        foreach (var child in node.Children) fields[child.Name] = Take(child);
        return fields;
    }

    private object? TakeList(ParquetNode node)
    {
        var first = First(node);
        if (first.Definition < node.ItemsAt) return Skip(node, Array.Empty<object?>());
        var items = new List<object?>();
        do items.Add(Take(node.Children[0])); while (!first.AtEnd && first.Repetition == node.Repeats);
        return items;
    }

    /// <summary>An absent value holds one entry in each column below it.</summary>
    private object? Skip(ParquetNode node, object? value)
    {
        foreach (var leaf in node.Leaves) columns[leaf.Path].Take();
        return value;
    }

    private ParquetColumn First(ParquetNode node)
    {
        while (node.Kind != ParquetNodeKind.Leaf) node = node.Children[0];
        return columns[node.Path];
    }
}
