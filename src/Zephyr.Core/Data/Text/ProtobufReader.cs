using System.Buffers.Binary;

namespace Zephyr.Data.Text;

/// <summary>
/// The little of Protocol Buffers that a SentencePiece model needs: fields one after the other over a span, never
/// copying, never trusting a length.
/// </summary>
internal ref struct ProtobufReader(ReadOnlySpan<byte> data)
{
    private readonly ReadOnlySpan<byte> _data = data;
    private int _position;
    private ulong _number;
    private ReadOnlySpan<byte> _payload;

    /// <summary>The number of the field that <see cref="Next"/> came to.</summary>
    public int Field { get; private set; }

    /// <summary>Its encoding.</summary>
    public WireType Wire { get; private set; }

    /// <summary>Moves to the next field; false at the end.</summary>
    /// <exception cref="InvalidDataException">The bytes are not Protocol Buffers.</exception>
    public bool Next()
    {
        if (_position == _data.Length) return false;
        var tag = Varint();
        Field = tag >> 3 is > 0 and < 1 << 29 ? (int)(tag >> 3) : throw Broken("a field number out of range");
        Wire = (WireType)(tag & 7);
        switch (Wire)
        {
            case WireType.Varint: _number = Varint(); break;
            case WireType.Fixed64: _payload = Take(8); break;
            case WireType.Bytes: _payload = Take(Varint()); break;
            case WireType.Fixed32: _payload = Take(4); break;
            default: throw Broken($"wire type {(int)Wire}");
        }
        return true;
    }

    /// <summary>The field as an integer.</summary>
    public readonly long Integer() => Wire == WireType.Varint ? (long)_number : throw Unexpected("an integer");

    /// <summary>The field as a 32-bit float.</summary>
    public readonly float Float() =>
        Wire == WireType.Fixed32 ? BinaryPrimitives.ReadSingleLittleEndian(_payload) : throw Unexpected("a float");

    /// <summary>The field as bytes: a string or a message.</summary>
    public readonly ReadOnlySpan<byte> Bytes() => Wire == WireType.Bytes ? _payload : throw Unexpected("bytes");

    private ReadOnlySpan<byte> Take(ulong length)
    {
        if (length > (ulong)(_data.Length - _position))
            throw Broken($"a field of {length} bytes where {_data.Length - _position} are left");
        var taken = _data.Slice(_position, (int)length);
        _position += (int)length;
        return taken;
    }

    private ulong Varint()
    {
        ulong value = 0;
        for (var shift = 0; shift < 64; shift += 7)
        {
            var next = _position < _data.Length ? _data[_position++] : throw Broken("a number cut short");
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }
        throw Broken("a number of more than 64 bits");
    }

    private readonly InvalidDataException Unexpected(string expected) =>
        Broken($"field {Field} with wire type {(int)Wire} where {expected} belongs");

    private readonly InvalidDataException Broken(string what) => new($"{what} (byte {_position})");
}

/// <summary>How a Protocol Buffers field is laid out.</summary>
internal enum WireType
{
    Varint = 0,
    Fixed64 = 1,
    Bytes = 2,
    Fixed32 = 5,
}
