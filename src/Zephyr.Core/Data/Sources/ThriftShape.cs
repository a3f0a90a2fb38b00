namespace Zephyr.Data.Sources;

/// <summary>What a field of a Thrift structure holds.</summary>
internal enum ThriftKind { Flag, Small, Whole, Long, Bytes, Struct, BytesList, StructList }

/// <summary>A field that is kept.</summary>
/// <param name="Id">Its number, from 1.</param>
/// <param name="Kind">What it holds.</param>
/// <param name="Of">Of a structure, or a list of them: its fields.</param>
/// <param name="Required">A structure without it is broken.</param>
internal sealed record ThriftField(int Id, ThriftKind Kind, ThriftShape? Of = null, bool Required = false);

/// <summary>The fields of a Thrift structure that are kept, in the order of their numbers; what else stands in one is passed over.</summary>
internal sealed class ThriftShape(params ThriftField[] fields)
{
    private readonly ThriftField?[] _byId = [.. Enumerable.Range(0, fields.Select(field => field.Id).DefaultIfEmpty().Max() + 1).Select(id => fields.FirstOrDefault(field => field.Id == id))];

    public IReadOnlyList<ThriftField> Fields => fields;

    public ThriftField? Find(int id) => id < _byId.Length ? _byId[id] : null;
}

/// <summary>A structure as it was read, of the fields of its shape that are there.</summary>
internal sealed class ThriftStruct(ThriftShape shape)
{
    private readonly object?[] _values = new object?[shape.Fields.Select(field => field.Id).DefaultIfEmpty().Max() + 1];

    public ThriftShape Shape => shape;

    public object? this[int id]
    {
        get => _values[id];
        set => _values[id] = value;
    }

    public long? Whole(int id) => (long?)_values[id];

    public byte[]? Text(int id) => (byte[]?)_values[id];

    public ThriftStruct? Struct(int id) => (ThriftStruct?)_values[id];

    public IReadOnlyList<ThriftStruct> Structs(int id) => _values[id] is ThriftStruct[] list ? list : [];

    public IReadOnlyList<byte[]> Texts(int id) => _values[id] is byte[][] list ? list : [];
}
