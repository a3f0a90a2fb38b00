using System.Buffers;
using ZstdSharp;

namespace Zephyr.Data.Sources;

/// <summary>
/// The pages of a column, held against the file and each other before the library reads them: it makes room for whatever a page's header claims. The headers are
/// rewritten in place, so that it sees the fields that were checked and no others.
/// </summary>
/// <param name="view">The file.</param>
/// <param name="chunk">The column.</param>
internal sealed class ParquetPages(ParquetView view, ParquetChunk chunk)
{
    /// <summary>What a column's values take beside their bytes: a place each, and two levels.</summary>
    private const int BytesPerValue = 24;

    // A page is 1 MiB by default, a whole column for some writers.
    private const long LargestPage = 1 << 30;

    private const int FirstHeaderBytes = 1 << 12, LongestHeader = 1 << 24;
    private const int DataPage = 0, DictionaryPage = 2, DataPageV2 = 3;
    private const int Uncompressed = 0, Snappy = 1, Gzip = 2, Zstandard = 6;

    // Content whose size a frame states and its page's header does not; some writers' headers are wrong.
    private const long Doubtful = 64 << 20;

    private long _position = chunk.Start;
    private long _values;
    private bool _hasDictionary;

    /// <summary>Checks every page.</summary>
    /// <param name="most">What the column may take when it is unpacked, in bytes.</param>
    /// <returns>What it takes.</returns>
    /// <exception cref="FormatException">A page does not fit the file, the column, or itself, or the column takes more.</exception>
    /// <exception cref="EndOfStreamException">The pages end before the column does.</exception>
    public long Check(long most)
    {
        if (chunk.Values > most / BytesPerValue) throw TooLarge();
        var unpacked = chunk.Values * BytesPerValue;
        while (_values < chunk.Values)
            if ((unpacked += ReadHeader().Whole(2)!.Value) > most) throw TooLarge();
        return unpacked;
    }

    private static FormatException TooLarge() => new("a row group unpacks to more than can be held, rewrite it with smaller ones");

    private ThriftStruct ReadHeader()
    {
        var (header, length) = Parse(FirstHeaderBytes);
        var (unpacked, packed) = (header.Whole(2)!.Value, header.Whole(3)!.Value);
        var body = _position + length;
        if (packed < 0 || packed > chunk.Limit - body) throw new FormatException($"a page at byte {_position} claims {packed} bytes, its column ends at {chunk.Limit}");
        if (unpacked < 0 || unpacked > Math.Min(LargestPage, MostUnpacked(packed))) throw new FormatException($"a page at byte {_position} of {packed} bytes claims to unpack to {unpacked}");
        var levels = CountValues(header, packed, unpacked);
        if (header.Struct(8)?[7] is not false) CheckContent(body + levels, packed - levels, unpacked);
        view.Patch(_position, ThriftWriter.ToArray(header, length));
        _position = body + packed;
        return header;
    }

    private (ThriftStruct Header, int Length) Parse(int window)
    {
        var bytes = view.Bytes(_position, (int)Math.Min(window, chunk.Limit - _position));
        try
        {
            var reader = new ThriftReader(bytes);
            return (reader.Read(ParquetShapes.PageHeader), reader.Position);
        }
        catch (EndOfStreamException) when (bytes.Length == window && window < LongestHeader)
        {
            // Statistics hold whole texts.
            return Parse(window * 16);
        }
    }

    /// <summary>Adds a page's values to those of the column.</summary>
    /// <returns>The bytes that stand uncompressed before its content.</returns>
    private long CountValues(ThriftStruct header, long packed, long unpacked)
    {
        switch (header.Whole(1))
        {
            case DictionaryPage when header.Struct(7) is { } dictionary && !_hasDictionary && _values == 0:
                if (dictionary.Whole(1) < 0 || dictionary.Whole(1) > unpacked) throw Wrong("dictionary values", dictionary.Whole(1));
                _hasDictionary = true;
                return 0;
            case DataPage when header.Struct(5) is { } data:
                AddValues(data.Whole(1)!.Value);
                return 0;
            case DataPageV2 when header.Struct(8) is { } data:
                AddValues(data.Whole(1)!.Value);
                if (data.Whole(2) < 0 || data.Whole(2) > data.Whole(1)) throw Wrong("nulls", data.Whole(2));
                var levels = data.Whole(5)!.Value + data.Whole(6)!.Value;
                if (data.Whole(5) < 0 || data.Whole(6) < 0 || levels > Math.Min(packed, unpacked)) throw Wrong("bytes of levels", levels);
                return levels;
            default:
                throw new FormatException($"a page at byte {_position} of type {header.Whole(1)} where none belongs");
        }
    }

    private void AddValues(long count)
    {
        if (count < 0 || count > chunk.Values - _values) throw Wrong("values", count);
        _values += count;
    }

    private FormatException Wrong(string what, long? count) => new($"a page at byte {_position} claims {count} {what}");

    /// <summary>What a page can unpack to at most, by how it is compressed.</summary>
    private long MostUnpacked(long packed) => chunk.Codec switch
    {
        Uncompressed => packed,
        Snappy => packed * 64,
        Gzip => packed * 1040 + 1024,
        _ => LargestPage,
    };

    /// <summary>Where the content says itself what it unpacks to, the library believes it, and not the header.</summary>
    private void CheckContent(long at, long length, long unpacked)
    {
        if (length == 0) return;
        long claimed = 0;
        if (chunk.Codec == Snappy)
        {
            var start = view.Bytes(at, (int)Math.Min(5, length));
            for (var i = 0; i < start.Length; i++)
            {
                claimed |= (long)(start[i] & 0x7F) << 7 * i;
                if (start[i] < 0x80) break;
            }
        }
        if (chunk.Codec == Zstandard) claimed = ZstandardSize(at, (int)length);
        if (claimed < 0 || claimed > Math.Max(unpacked, Doubtful)) throw new FormatException($"the content of a page at byte {at} claims to unpack to {claimed} bytes, its header says {unpacked}");
    }

    private long ZstandardSize(long at, int length)
    {
        var rented = ArrayPool<byte>.Shared.Rent(length);
        try
        {
            view.Fill(rented.AsSpan(0, length), at);
            return (long)Math.Min(long.MaxValue, Decompressor.GetDecompressedSize(rented.AsSpan(0, length)));
        }
        finally
        {
            ArrayPool<byte>.Shared.Return(rented);
        }
    }
}
