using Parquet.Meta;

namespace Zephyr.Data.Sources;

/// <summary>What a node of a Parquet schema stands for in a row.</summary>
internal enum ParquetNodeKind { Leaf, Struct, List }

/// <summary>
/// One field of a Parquet file as a row shows it. Lists are two or three schema elements in the file (the annotated
/// group, the repeated one, and its element), whose names differ by writer; here they are one node with one child.
/// </summary>
/// <param name="Name">The field's name.</param>
/// <param name="Kind">Leaf, struct or list.</param>
/// <param name="DefinedAt">The definition level from which on the value is not null.</param>
/// <param name="ItemsAt">Of a list: the definition level from which on it has an item.</param>
/// <param name="Repeats">Of a list: the repetition level of its second and later items.</param>
/// <param name="Children">Of a struct: its fields. Of a list: its element.</param>
/// <param name="Path">Of a leaf: the names of the schema elements from the root, joined by slashes; it identifies the column.</param>
internal sealed record ParquetNode(
    string Name, ParquetNodeKind Kind, int DefinedAt, int ItemsAt, int Repeats, IReadOnlyList<ParquetNode> Children, string Path)
{
    /// <summary>The columns below this node, left to right.</summary>
    public IEnumerable<ParquetNode> Leaves => Kind == ParquetNodeKind.Leaf ? [this] : Children.SelectMany(child => child.Leaves);

    /// <summary>The top-level fields of a file.</summary>
    /// <param name="elements">The schema as the footer lists it: depth first, with the number of children of each.</param>
    /// <exception cref="FormatException">The list ends before the last child.</exception>
    public static IReadOnlyList<ParquetNode> Build(IReadOnlyList<SchemaElement> elements)
    {
        var next = 0;
        var root = Take(elements, ref next);
        return [.. root.Children.Select(child => Interpret(child, "", 0, 0))];
    }

    /// <summary>The schema as it stands in the file.</summary>
    private sealed record Element(SchemaElement Meta, IReadOnlyList<Element> Children)
    {
        public bool IsRepeated => Meta.RepetitionType == FieldRepetitionType.REPEATED;

        public bool IsOptional => Meta.RepetitionType == FieldRepetitionType.OPTIONAL;

        public bool IsList => Meta.LogicalType?.LIST is not null || Meta.ConvertedType == ConvertedType.LIST;
    }

    private static Element Take(IReadOnlyList<SchemaElement> elements, ref int next)
    {
        if (next >= elements.Count) throw new FormatException("its schema names more fields than it has");
        var meta = elements[next++];
        var children = new Element[meta.NumChildren ?? 0];
        for (var i = 0; i < children.Length; i++) children[i] = Take(elements, ref next);
        return new(meta, children);
    }

    private static ParquetNode Interpret(Element element, string parent, int definition, int repetition)
    {
        var path = Join(parent, element);
        if (element.IsRepeated) return List(element.Meta.Name, element, parent, definition, definition, repetition);
        var defined = definition + (element.IsOptional ? 1 : 0);
        if (element.IsList && element.Children is [{ IsRepeated: true } repeated])
            return List(element.Meta.Name, repeated, path, defined, defined, repetition);
        return Plain(element, path, defined, repetition);
    }

    /// <summary>A leaf, or a struct of the element's children.</summary>
    private static ParquetNode Plain(Element element, string path, int defined, int repetition) => element.Children.Count == 0
        ? new(element.Meta.Name, ParquetNodeKind.Leaf, defined, 0, repetition, [], path)
        : new(element.Meta.Name, ParquetNodeKind.Struct, defined, 0, 0,
            [.. element.Children.Select(child => Interpret(child, path, defined, repetition))], path);

    /// <summary>
    /// A list whose repeated element is either a wrapper around the item (list.element, list.item, bag.array_element) or,
    /// as old writers have it, the item itself (a leaf, or a group of several fields).
    /// </summary>
    private static ParquetNode List(string name, Element repeated, string parent, int defined, int definition, int repetition)
    {
        var path = Join(parent, repeated);
        var (itemsAt, repeats) = (definition + 1, repetition + 1);
        var item = repeated.Children is [var wrapped] && repeated.Meta.Name != "array"
            ? Interpret(wrapped, path, itemsAt, repeats)
            : Plain(repeated, path, itemsAt, repeats);
        return new(name, ParquetNodeKind.List, defined, itemsAt, repeats, [item], path);
    }

    private static string Join(string parent, Element element) =>
        parent.Length == 0 ? element.Meta.Name : $"{parent}/{element.Meta.Name}";
}
