using System.Text;

namespace Zephyr.Data.Sources;

/// <summary>A column of a Parquet schema.</summary>
/// <param name="Path">The names of its elements from the root, joined by slashes.</param>
/// <param name="Type">Its physical type, by the format's numbers.</param>
/// <param name="Repeats">Whether it is part of a list: it may have more values than there are rows.</param>
internal sealed record ParquetLeaf(string Path, long Type, bool Repeats)
{
    // Rows of the recipe are five deep; what reads a schema does so by recursion.
    private const int MostDeep = 48;
    private const int Repeated = 2;

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The columns of a schema, left to right.</summary>
    /// <param name="elements">As the footer lists them: depth first, with the number of children of each.</param>
    /// <exception cref="FormatException">The list is no tree, or an element of it is neither a column nor a group of some.</exception>
    public static IReadOnlyList<ParquetLeaf> Of(IReadOnlyList<ThriftStruct> elements)
    {
        if (elements.Count == 0) throw new FormatException("its schema is empty");
        var (leaves, next) = (new List<ParquetLeaf>(), 1);
        for (var i = ChildrenOf(elements[0]); i > 0; i--) Take(elements, ref next, "", false, 1, leaves);
        if (next != elements.Count) throw new FormatException($"its schema has {elements.Count} elements, {next} of them in its tree");
        if (leaves.CountBy(leaf => leaf.Path, StringComparer.Ordinal).FirstOrDefault(path => path.Value > 1) is { Key: { } twice })
            throw new FormatException($"its schema has the column {twice} twice");
        return leaves;
    }

    /// <summary>Whether a column's own path is this one.</summary>
    public bool IsAt(IReadOnlyList<byte[]> names) => string.Join('/', names.Select(NameOf)) == Path;

    private static void Take(IReadOnlyList<ThriftStruct> elements, ref int next, string parent, bool repeats, int depth, List<ParquetLeaf> leaves)
    {
        if (depth > MostDeep) throw new FormatException($"its schema is more than {MostDeep} deep");
        if (next >= elements.Count) throw new FormatException("its schema names more fields than it has");
        var element = elements[next++];
        var name = NameOf(element.Text(4)!);
        var path = parent.Length == 0 ? name : $"{parent}/{name}";
        if (element.Whole(3) is not (0 or 1 or Repeated)) throw new FormatException($"column {path} has the repetition {element.Whole(3)}");
        repeats |= element.Whole(3) == Repeated;
        var children = ChildrenOf(element);
        if (children > 0 == element.Whole(1) is not null) throw new FormatException($"column {path} has {children} fields and is of type {element.Whole(1)}");
        if (children == 0) leaves.Add(new(path, element.Whole(1)!.Value, repeats));
        else for (var i = 0; i < children; i++) Take(elements, ref next, path, repeats, depth + 1, leaves);
    }

    private static long ChildrenOf(ThriftStruct element) =>
        element.Whole(5) is not < 0 ? element.Whole(5) ?? 0 : throw new FormatException($"an element of its schema has {element.Whole(5)} children");

    private static string NameOf(byte[] name)
    {
        try
        {
            return StrictUtf8.GetString(name);
        }
        catch (DecoderFallbackException error)
        {
            throw new FormatException("a column's name is not UTF-8", error);
        }
    }
}
