namespace Zephyr.Data.Sources;

/// <summary>The values of one leaf column with their levels, as Parquet stores them.</summary>
/// <param name="deepest">The definition level of a value that is there.</param>
internal sealed class ShreddedLeaf(int deepest)
{
    private readonly List<object> _values = [];

    public int Deepest => deepest;

    public List<int> Definitions { get; } = [];

    public List<int> Repetitions { get; } = [];

    public void Add(object? value, int definition, int repetition)
    {
        Definitions.Add(definition);
        Repetitions.Add(repetition);
        if (value is not null) _values.Add(value);
    }

    public T[] Of<T>() => [.. _values.Cast<T>()];

    /// <summary>Whole numbers among them too.</summary>
    public double[] Numbers() => [.. _values.Select(value => value is long whole ? whole : (double)value)];

    public ReadOnlyMemory<char>[] Texts() => [.. _values.Select(value => ((string)value).AsMemory())];
}

/// <summary>Takes rows apart into columns: Dremel's record shredding, the way back of <see cref="ParquetRowAssembler"/>. Everything is optional.</summary>
/// <param name="columns">The type of each column, as the fields of a struct.</param>
internal sealed class ParquetShredder(ColumnType columns)
{
    private const string Repeated = "list", Element = "element";

    /// <summary>The leaves of rows by path, "messages/list/element/content".</summary>
    public IReadOnlyDictionary<string, ShreddedLeaf> Shred(IReadOnlyList<DataRow> rows)
    {
        var leaves = new Dictionary<string, ShreddedLeaf>();
        foreach (var (name, type) in columns.Fields) Prepare(name, type, 0, leaves);
        foreach (var row in rows)
            foreach (var (name, type) in columns.Fields) Put(name, type, row[name], 0, 0, 0, leaves);
        return leaves;
    }

    private static void Prepare(string path, ColumnType type, int definition, Dictionary<string, ShreddedLeaf> leaves)
    {
        if (type.Kind == ColumnKind.List) Prepare($"{path}/{Repeated}/{Element}", type.Items!, definition + 2, leaves);
        else if (type.Kind == ColumnKind.Struct)
            foreach (var (name, field) in type.Fields) Prepare($"{path}/{name}", field, definition + 1, leaves);
        else leaves.Add(path, new(definition + 1));
    }

    /// <param name="path">The value's path.</param>
    /// <param name="type">Its type.</param>
    /// <param name="value">The value; null where it, or something above it, is absent.</param>
    /// <param name="definition">How much of the path to it is there.</param>
    /// <param name="repetition">Which list it goes on with, for its first entry.</param>
    /// <param name="lists">How many lists stand above it.</param>
    /// <param name="leaves">Where to.</param>
    private static void Put(string path, ColumnType type, object? value, int definition, int repetition, int lists, Dictionary<string, ShreddedLeaf> leaves)
    {
        var there = value is null ? definition : definition + 1;
        switch (type.Kind)
        {
            case ColumnKind.List:
                var (items, inner) = (value as IReadOnlyList<object?> ?? [], $"{path}/{Repeated}/{Element}");
                if (items.Count == 0) PutAbsent(inner, type.Items!, there, repetition, leaves);
                for (var i = 0; i < items.Count; i++) Put(inner, type.Items!, items[i], there + 1, i == 0 ? repetition : lists + 1, lists + 1, leaves);
                break;
            case ColumnKind.Struct:
                var fields = value as IReadOnlyDictionary<string, object?>;
                foreach (var (name, field) in type.Fields)
                    if (fields is null) PutAbsent($"{path}/{name}", field, there, repetition, leaves);
                    else Put($"{path}/{name}", field, fields.GetValueOrDefault(name), there, repetition, lists, leaves);
                break;
            default:
                leaves[path].Add(value, there, repetition);
                break;
        }
    }

    /// <summary>One entry in every leaf below what is absent.</summary>
    private static void PutAbsent(string path, ColumnType type, int definition, int repetition, Dictionary<string, ShreddedLeaf> leaves)
    {
        if (type.Kind == ColumnKind.List) PutAbsent($"{path}/{Repeated}/{Element}", type.Items!, definition, repetition, leaves);
        else if (type.Kind == ColumnKind.Struct)
            foreach (var (name, field) in type.Fields) PutAbsent($"{path}/{name}", field, definition, repetition, leaves);
        else leaves[path].Add(null, definition, repetition);
    }
}
