namespace Zephyr.Data.Sources;

/// <summary>
/// Thrift's compact protocol over bytes that nobody vouches for: every length and number of items is held against the bytes that are left, and depth and the
/// number of values kept are bounded, so that reading takes time and memory in proportion to the bytes.
/// </summary>
internal sealed class ThriftReader(ReadOnlyMemory<byte> bytes)
{
    private const int True = 1, False = 2, Byte = 3, Int16 = 4, Int32 = 5, Int64 = 6, Double = 7, Binary = 8, List = 9, Set = 10, Map = 11, Struct = 12, Uuid = 13;

    // Parquet's structures are six deep.
    private const int MostDeep = 16;

    // A hundred thousand columns of row groups; a hundred bytes of memory each.
    private const int MostKept = 2_000_000;

    private int _kept;

    /// <summary>How many bytes were read.</summary>
    public int Position { get; private set; }

    private int Left => bytes.Length - Position;

    /// <summary>Reads a structure.</summary>
    /// <exception cref="FormatException">The bytes are none, or a field is missing, there twice, or of another kind.</exception>
    /// <exception cref="EndOfStreamException">They end before it does.</exception>
    public ThriftStruct Read(ThriftShape shape) => Read(shape, 0);

    private ThriftStruct Read(ThriftShape shape, int depth)
    {
        var found = new ThriftStruct(shape);
        Count(depth);
        for (var id = 0; NextField(ref id, out var type);)
        {
            if (shape.Find(id) is not { } field) Skip(type, depth + 1);
            else if (found[id] is not null) throw new FormatException($"field {id} of a Thrift structure stands there twice");
            else found[id] = Value(field, type, depth + 1);
        }
        if (shape.Fields.FirstOrDefault(field => field.Required && found[field.Id] is null) is { } missing)
            throw new FormatException($"field {missing.Id} of a Thrift structure is missing");
        return found;
    }

    private bool NextField(ref int id, out int type)
    {
        var header = Take(1)[0];
        type = header & 15;
        if (header == 0) return false;
        id = header >> 4 is > 0 and var step ? id + step : (int)Whole(short.MinValue, short.MaxValue);
        return id is > 0 and <= short.MaxValue ? true : throw new FormatException($"a Thrift structure has a field {id}");
    }

    private object Value(ThriftField field, int type, int depth)
    {
        Count(depth);
        return (field.Kind, type) switch
        {
            (ThriftKind.Flag, True or False) => type == True,
            (ThriftKind.Small, Byte) => (long)(sbyte)Take(1)[0],
            (ThriftKind.Whole, Int32) => Whole(int.MinValue, int.MaxValue),
            (ThriftKind.Long, Int64) => Whole(long.MinValue, long.MaxValue),
            (ThriftKind.Bytes, Binary) => Take(Length()).ToArray(),
            (ThriftKind.Struct, Struct) => Read(field.Of!, depth),
            (ThriftKind.BytesList, List) => Items(Binary, () => Take(Length()).ToArray(), depth),
            (ThriftKind.StructList, List) => Items(Struct, () => Read(field.Of!, depth + 1), depth),
            _ => throw new FormatException($"field {field.Id} of a Thrift structure is of type {type}"),
        };
    }

    private T[] Items<T>(int expected, Func<T> read, int depth)
    {
        var (count, type) = ListHeader();
        if (type != expected && count > 0) throw new FormatException($"a Thrift list holds items of type {type}");
        // One by one: what a count promises is not made room for.
        var items = new List<T>();
        for (var i = 0; i < count; i++)
        {
            Count(depth);
            items.Add(read());
        }
        return [.. items];
    }

    private void Skip(int type, int depth)
    {
        if (depth > MostDeep) throw TooDeep();
        switch (type)
        {
            case True or False: break;
            case Byte: Take(1); break;
            case Int16 or Int32 or Int64: Varint(); break;
            case Double: Take(sizeof(double)); break;
            case Binary: Take(Length()); break;
            case Uuid: Take(16); break;
            case List or Set:
                var (count, item) = ListHeader();
                for (var i = 0; i < count; i++) SkipItem(item, depth + 1);
                break;
            case Map: SkipMap(depth + 1); break;
            case Struct: for (var id = 0; NextField(ref id, out var inner);) Skip(inner, depth + 1); break;
            default: throw new FormatException($"a Thrift field is of type {type}");
        }
    }

    /// <summary>Truth values are part of a field's header, but a byte each in a list.</summary>
    private void SkipItem(int type, int depth) => Skip(type is True or False ? Byte : type, depth);

    private void SkipMap(int depth)
    {
        var count = Length();
        if (count == 0) return;
        var types = Take(1)[0];
        for (var i = 0; i < count; i++)
        {
            SkipItem(types >> 4, depth);
            SkipItem(types & 15, depth);
        }
    }

    private (int Count, int Type) ListHeader()
    {
        var header = Take(1)[0];
        var count = header >> 4;
        if (count == 15) count = Length();
        else if (count > Left) throw new EndOfStreamException("a Thrift list ends too early");
        return (count, header & 15);
    }

    /// <summary>A number of bytes, or of items, none of which takes less than one.</summary>
    private int Length()
    {
        var length = Varint();
        if (length > int.MaxValue) throw new FormatException($"a Thrift length is {length}");
        return length <= (ulong)Left ? (int)length : throw new EndOfStreamException($"a Thrift length is {length} where {Left} bytes are left");
    }

    private long Whole(long least, long most)
    {
        var folded = Varint();
        var value = (long)(folded >> 1) ^ -(long)(folded & 1);
        return value >= least && value <= most ? value : throw new FormatException($"a Thrift number is {value}");
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = Take(1)[0];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }
        throw new FormatException("a Thrift number has no end");
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        if (count > Left) throw new EndOfStreamException("a Thrift structure ends too early");
        var taken = bytes.Span.Slice(Position, count);
        Position += count;
        return taken;
    }

    private void Count(int depth)
    {
        if (depth > MostDeep) throw TooDeep();
        if (++_kept > MostKept) throw new FormatException($"a Thrift structure has more than {MostKept} values");
    }

    private static FormatException TooDeep() => new($"a Thrift structure is more than {MostDeep} deep");
}
