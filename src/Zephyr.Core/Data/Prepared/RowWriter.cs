using System.Buffers;
using System.Runtime.InteropServices;

namespace Zephyr.Data.Prepared;

/// <summary>Rows as bytes: whole numbers in seven bits a byte, token ids in two bytes where the vocabulary allows it, truth values in a bit each.</summary>
/// <param name="narrow">Whether every token id fits two bytes.</param>
internal sealed class RowWriter(bool narrow)
{
    private readonly ArrayBufferWriter<byte> _bytes = new(1 << 16);

    /// <summary>What was written since <see cref="Clear"/>.</summary>
    public ReadOnlySpan<byte> Written => _bytes.WrittenSpan;

    /// <summary>Begins anew.</summary>
    public void Clear() => _bytes.ResetWrittenCount();

    /// <summary>A whole number from 0.</summary>
    public void Number(long value)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(value);
        var bytes = _bytes.GetSpan(10);
        var length = 0;
        for (; value > 0x7f; value >>= 7) bytes[length++] = (byte)(value | 0x80);
        bytes[length++] = (byte)value;
        _bytes.Advance(length);
    }

    /// <summary>Token ids; how many is for the row to say.</summary>
    /// <exception cref="OverflowException">An id does not fit two bytes, though all were to.</exception>
    public void Ids(ReadOnlySpan<int> ids)
    {
        var bytes = _bytes.GetSpan(Math.Max(1, ids.Length * (narrow ? sizeof(ushort) : sizeof(int))));
        if (narrow)
        {
            var shorts = MemoryMarshal.Cast<byte, ushort>(bytes);
            for (var i = 0; i < ids.Length; i++) shorts[i] = checked((ushort)ids[i]);
        }
        else
        {
            MemoryMarshal.AsBytes(ids).CopyTo(bytes);
        }
        _bytes.Advance(ids.Length * (narrow ? sizeof(ushort) : sizeof(int)));
    }

    /// <summary>Truth values; how many is for the row to say.</summary>
    public void Flags(ReadOnlySpan<bool> flags)
    {
        var bytes = _bytes.GetSpan(flags.Length / 8 + 1)[..((flags.Length + 7) / 8)];
        bytes.Clear();
        for (var i = 0; i < flags.Length; i++) if (flags[i]) bytes[i / 8] |= (byte)(1 << (i % 8));
        _bytes.Advance(bytes.Length);
    }
}

/// <summary>What <see cref="RowWriter"/> wrote, in the same order.</summary>
/// <param name="bytes">One row.</param>
/// <param name="narrow">Whether token ids take two bytes.</param>
internal ref struct RowReader(ReadOnlySpan<byte> bytes, bool narrow)
{
    private ReadOnlySpan<byte> _rest = bytes;

    /// <summary>Whether all was taken.</summary>
    public readonly bool AtEnd => _rest.IsEmpty;

    /// <summary>A whole number from 0.</summary>
    /// <exception cref="FormatException">It is none.</exception>
    public long Number()
    {
        var value = 0L;
        for (var shift = 0; shift < 63; shift += 7)
        {
            var next = Take(1)[0];
            value |= (long)(next & 0x7f) << shift;
            if (next < 0x80) return value;
        }
        throw new FormatException("a number has no end");
    }

    /// <summary>A whole number of 32 bits.</summary>
    public int Count() => checked((int)Number());

    /// <summary>Token ids.</summary>
    public int[] Ids(int count)
    {
        // Before room is made for them: so many must be there.
        var bytes = Take(checked(count * (narrow ? sizeof(ushort) : sizeof(int))));
        var ids = new int[count];
        if (!narrow)
        {
            bytes.CopyTo(MemoryMarshal.AsBytes(ids.AsSpan()));
            return ids;
        }
        var shorts = MemoryMarshal.Cast<byte, ushort>(bytes);
        for (var i = 0; i < ids.Length; i++) ids[i] = shorts[i];
        return ids;
    }

    /// <summary>Truth values.</summary>
    public bool[] Flags(int count)
    {
        var bytes = Take(checked(count + 7) / 8);
        var flags = new bool[count];
        for (var i = 0; i < flags.Length; i++) flags[i] = (bytes[i / 8] >> (i % 8) & 1) != 0;
        return flags;
    }

    private ReadOnlySpan<byte> Take(int count)
    {
        var taken = _rest[..count];
        _rest = _rest[count..];
        return taken;
    }
}
