using Zephyr.Runtime;

namespace Zephyr.Data.Sources;

/// <summary>What a column holds.</summary>
public enum ColumnKind
{
    /// <summary>Nothing but null.</summary>
    Empty,

    /// <summary>Texts.</summary>
    Text,

    /// <summary>True and false.</summary>
    Flag,

    /// <summary>Whole numbers.</summary>
    Whole,

    /// <summary>Numbers.</summary>
    Number,

    /// <summary>Lists.</summary>
    List,

    /// <summary>Structs.</summary>
    Struct,
}

/// <summary>The type of a column, found by looking at its values: rows have none, but a Parquet file needs one.</summary>
public sealed class ColumnType
{
    private readonly List<string> _names = [];
    private readonly Dictionary<string, ColumnType> _fields = [];

    /// <summary>What it holds.</summary>
    public ColumnKind Kind { get; private set; }

    /// <summary>Of a list: what its items are.</summary>
    public ColumnType? Items { get; private set; }

    /// <summary>Of a struct: its fields, in the order in which they were first seen.</summary>
    public IEnumerable<(string Name, ColumnType Type)> Fields => _names.Select(name => (name, _fields[name]));

    /// <summary>Takes a value into account.</summary>
    /// <param name="location">Its row, for the message.</param>
    /// <param name="path">Its path, for the message.</param>
    /// <param name="value">The value, as <see cref="DataRow"/> describes.</param>
    /// <exception cref="UserErrorException">It is of another kind than those before it.</exception>
    public void Include(RowLocation location, string path, object? value)
    {
        if (value is null) return;
        var kind = KindOf(value);
        if (Kind == ColumnKind.Empty) Kind = kind;
        // 1 among 1.5 is a number.
        if ((Kind, kind) is (ColumnKind.Whole, ColumnKind.Number)) Kind = ColumnKind.Number;
        if (Kind != kind && (Kind, kind) is not (ColumnKind.Number, ColumnKind.Whole))
            throw new UserErrorException($"{location}, field '{path}': found {DataRow.Describe(value)} where earlier rows have a {Kind.ToString().ToLowerInvariant()}, "
                + "expected one type, as a Parquet column has; write formats: jsonl, or leave the column out with drop_columns");
        if (value is IReadOnlyList<object?> list)
        {
            Items ??= new();
            foreach (var item in list) Items.Include(location, $"{path}[]", item);
        }
        if (value is not IReadOnlyDictionary<string, object?> fields) return;
        foreach (var (name, field) in fields) Field(name).Include(location, $"{path}.{name}", field);
    }

    /// <summary>The type of a struct's field, or of a row's column.</summary>
    public ColumnType Field(string name)
    {
        if (_fields.TryGetValue(name, out var type)) return type;
        _names.Add(name);
        return _fields[name] = new();
    }

    private static ColumnKind KindOf(object value) => value switch
    {
        string => ColumnKind.Text,
        bool => ColumnKind.Flag,
        long => ColumnKind.Whole,
        double => ColumnKind.Number,
        IReadOnlyList<object?> => ColumnKind.List,
        IReadOnlyDictionary<string, object?> => ColumnKind.Struct,
        _ => throw new NotSupportedException($"a row cannot hold {value.GetType()}"),
    };
}
