using System.Buffers;

namespace Zephyr.Data.Sources;

/// <summary>Writes Thrift's compact protocol, each number in as few bytes as it takes.</summary>
internal sealed class ThriftWriter
{
    private const int True = 1, False = 2, Byte = 3, Int32 = 5, Int64 = 6, Binary = 8, List = 9, Struct = 12;

    private readonly ArrayBufferWriter<byte> _bytes = new();

    /// <summary>The bytes of a structure.</summary>
    public static byte[] ToArray(ThriftStruct value)
    {
        var writer = new ThriftWriter();
        writer.Fields(value);
        writer.Put(0);
        return writer._bytes.WrittenSpan.ToArray();
    }

    /// <summary>As <see cref="ToArray(ThriftStruct)"/>, made longer by a field that every reader passes over.</summary>
    /// <param name="value">The structure; its reader knows no field from ten behind its last one on.</param>
    /// <param name="length">How many bytes are wanted.</param>
    /// <exception cref="FormatException">It takes more.</exception>
    public static byte[] ToArray(ThriftStruct value, int length)
    {
        var writer = new ThriftWriter();
        var last = writer.Fields(value);
        var fill = length - 1 - writer._bytes.WrittenCount;
        if (fill < 0) throw new FormatException("a Thrift structure is longer than it was");
        if (fill < 6) for (var i = 0; i < fill; i++) writer.Header(ref last, last + 10, True);
        else
        {
            writer.Header(ref last, last + 10, Binary);
            // Five bytes whatever the number, so that any length can be reached.
            var left = fill - 6;
            for (var i = 0; i < 4; i++, left >>= 7) writer.Put((byte)(left | 0x80));
            writer.Put((byte)left);
            writer._bytes.Write(new byte[fill - 6]);
        }
        writer.Put(0);
        return writer._bytes.WrittenSpan.ToArray();
    }

    private int Fields(ThriftStruct value)
    {
        var last = 0;
        foreach (var field in value.Shape.Fields)
            if (value[field.Id] is { } content)
            {
                Header(ref last, field.Id, TypeOf(content, field.Kind));
                Value(content, field.Kind);
            }
        return last;
    }

    private static int TypeOf(object value, ThriftKind kind) => kind switch
    {
        ThriftKind.Flag => (bool)value ? True : False,
        ThriftKind.Small => Byte,
        ThriftKind.Whole => Int32,
        ThriftKind.Long => Int64,
        ThriftKind.Bytes => Binary,
        ThriftKind.Struct => Struct,
        _ => List,
    };

    private void Value(object value, ThriftKind kind)
    {
        switch (kind)
        {
            case ThriftKind.Flag: break;
            case ThriftKind.Small: Put((byte)(long)value); break;
            case ThriftKind.Whole or ThriftKind.Long: Varint((ulong)((long)value << 1 ^ (long)value >> 63)); break;
            case ThriftKind.Bytes: Text((byte[])value); break;
            case ThriftKind.Struct: Nested((ThriftStruct)value); break;
            case ThriftKind.BytesList: Items((byte[][])value, Binary, Text); break;
            default: Items((ThriftStruct[])value, Struct, Nested); break;
        }
    }

    private void Items<T>(T[] items, int type, Action<T> write)
    {
        if (items.Length < 15) Put((byte)(items.Length << 4 | type));
        else
        {
            Put((byte)(0xF0 | type));
            Varint((ulong)items.Length);
        }
        foreach (var item in items) write(item);
    }

    private void Nested(ThriftStruct value)
    {
        Fields(value);
        Put(0);
    }

    private void Text(byte[] text)
    {
        Varint((ulong)text.Length);
        _bytes.Write(text);
    }

    /// <summary>Numbers of fields rise by at most 15: there is no longer form here.</summary>
    private void Header(ref int last, int id, int type)
    {
        Put((byte)(id - last << 4 | type));
        last = id;
    }

    private void Varint(ulong value)
    {
        for (; value > 0x7F; value >>= 7) Put((byte)(value | 0x80));
        Put((byte)value);
    }

    private void Put(byte value) => _bytes.Write([value]);
}
