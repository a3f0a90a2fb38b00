using System.Buffers.Binary;

namespace Zephyr.Data.Sources;

/// <summary>Where a column of a row group lies.</summary>
/// <param name="Start">Its first page's first byte.</param>
/// <param name="Limit">Where the next column, or the footer, begins.</param>
/// <param name="Values">How many entries it has, absent ones too.</param>
/// <param name="Codec">How its pages are compressed, by the format's numbers.</param>
internal sealed record ParquetChunk(long Start, long Limit, long Values, long Codec);

/// <summary>A row group, with its columns by their paths (names joined by slashes).</summary>
internal sealed record ParquetGroup(long Rows, IReadOnlyDictionary<string, ParquetChunk> Chunks);

/// <summary>
/// What a Parquet file says of itself, held against the file before anything else sees it: Parquet.Net follows whatever a footer says, without end where it is damaged.
/// The library is handed <see cref="Rewritten"/>, which holds what was checked and nothing else.
/// </summary>
internal sealed class ParquetFooter
{
    /// <summary>Some ten thousand row groups of twenty columns with statistics.</summary>
    private const int LongestFooter = 64 << 20;

    private const int TailBytes = 8;

    private ParquetFooter(long start, byte[] rewritten, ParquetGroup[] groups) => (Start, Rewritten, Groups) = (start, rewritten, groups);

    /// <summary>Where the footer begins: the end of the data.</summary>
    public long Start { get; }

    /// <summary>The footer anew, with its length and the closing magic.</summary>
    public byte[] Rewritten { get; }

    /// <summary>The row groups in order.</summary>
    public IReadOnlyList<ParquetGroup> Groups { get; }

    /// <summary>Reads and checks it.</summary>
    /// <exception cref="FormatException">The file is no Parquet, or its footer does not describe it.</exception>
    /// <exception cref="EndOfStreamException">The footer is cut short.</exception>
    public static ParquetFooter Read(FileStream file)
    {
        var length = RandomAccess.GetLength(file.SafeFileHandle);
        if (length < 4 + TailBytes) throw new FormatException("not a Parquet file (size too small)");
        var (head, tail) = (Bytes(file, 0, 4), Bytes(file, length - TailBytes, TailBytes));
        if (tail.AsSpan(4).SequenceEqual("PARE"u8)) throw new FormatException("it is encrypted");
        if (!head.AsSpan().SequenceEqual("PAR1"u8) || !tail.AsSpan(4).SequenceEqual("PAR1"u8)) throw new FormatException("not a Parquet file: it does not begin and end with PAR1");
        var size = BinaryPrimitives.ReadUInt32LittleEndian(tail);
        if (size > LongestFooter || size > length - 4 - TailBytes) throw new FormatException($"its footer claims {size} bytes of {length}");
        var start = length - TailBytes - size;
        var meta = new ThriftReader(Bytes(file, start, (int)size)).Read(ParquetShapes.FileMetaData);
        var groups = GroupsOf(meta, ParquetLeaf.Of(meta.Structs(2)), start);
        foreach (var element in meta.Structs(2)) MakeBytes(element);
        return new(start, Rewrite(meta), groups);
    }

    /// <summary>Texts are handed out as bytes: where they are no UTF-8, the library puts U+FFFD in their place and says nothing.</summary>
    private static void MakeBytes(ThriftStruct element)
    {
        const long Utf8 = 0;
        if (element.Whole(6) == Utf8) element[6] = null;
        if (element.Struct(10)?[1] is not null) element[10] = null;
    }

    private static byte[] Rewrite(ThriftStruct meta)
    {
        var bytes = ThriftWriter.ToArray(meta);
        var tail = new byte[TailBytes];
        BinaryPrimitives.WriteInt32LittleEndian(tail, bytes.Length);
        "PAR1"u8.CopyTo(tail.AsSpan(4));
        return [.. bytes, .. tail];
    }

    private static ParquetGroup[] GroupsOf(ThriftStruct meta, IReadOnlyList<ParquetLeaf> leaves, long end)
    {
        var groups = meta.Structs(4);
        var starts = StartsOf(groups.SelectMany(group => group.Structs(1)), end);
        Int128 rows = 0;
        var found = new List<ParquetGroup>(groups.Count);
        foreach (var group in groups)
        {
            var count = group.Whole(3)!.Value;
            if (count < 0) throw new FormatException($"a row group claims {count} rows");
            rows += count;
            found.Add(new(count, ChunksOf(group.Structs(1), leaves, count, starts)));
        }
        if (rows != meta.Whole(3)) throw new FormatException($"its row groups have {rows} rows in all, its footer says {meta.Whole(3)}");
        return [.. found];
    }

    private static Dictionary<string, ParquetChunk> ChunksOf(IReadOnlyList<ThriftStruct> columns, IReadOnlyList<ParquetLeaf> leaves, long rows, List<long> starts)
    {
        if (columns.Count != leaves.Count) throw new FormatException($"a row group has {columns.Count} columns, its schema {leaves.Count}");
        var chunks = new Dictionary<string, ParquetChunk>(columns.Count);
        for (var i = 0; i < columns.Count; i++)
        {
            var (leaf, column) = (leaves[i], columns[i].Struct(3)!);
            if (columns[i].Text(1) is { Length: > 0 }) throw new FormatException($"column {leaf.Path} stands in another file");
            if (!leaf.IsAt(column.Texts(3))) throw new FormatException($"where column {leaf.Path} is expected, a row group has another one");
            if (column.Whole(1) != leaf.Type) throw new FormatException($"column {leaf.Path} is of type {column.Whole(1)}, its schema says {leaf.Type}");
            var values = column.Whole(5)!.Value;
            if (values < rows || (values > rows && !leaf.Repeats)) throw new FormatException($"column {leaf.Path} claims {values} values for {rows} rows");
            var start = StartOf(column);
            chunks.Add(leaf.Path, new(start, values == 0 ? start : starts[starts.BinarySearch(start) + 1], values, column.Whole(4)!.Value));
        }
        return chunks;
    }

    /// <summary>Where the columns begin, in order, and at last the end of the data: no two may share a page.</summary>
    private static List<long> StartsOf(IEnumerable<ThriftStruct> chunks, long end)
    {
        var starts = chunks.Select(chunk => chunk.Struct(3)!).Where(column => column.Whole(5) > 0).Select(StartOf).Order().Append(end).ToList();
        if (starts[0] < 4) throw new FormatException($"a column claims to begin at byte {starts[0]}");
        for (var i = 1; i < starts.Count; i++)
            if (starts[i] <= starts[i - 1]) throw new FormatException($"two columns, or a column and the footer, share byte {Math.Max(starts[i], starts[i - 1])} of {end}");
        return starts;
    }

    /// <summary>As Parquet.Net has it: which of the two comes first is not the same for all writers, and 0 means none.</summary>
    private static long StartOf(ThriftStruct column) => column.Whole(11) is { } dictionary and not 0 ? Math.Min(dictionary, column.Whole(9)!.Value) : column.Whole(9)!.Value;

    private static byte[] Bytes(FileStream file, long at, int count)
    {
        var bytes = new byte[count];
        for (var read = 0; read < count;)
        {
            var more = RandomAccess.Read(file.SafeFileHandle, bytes.AsSpan(read), at + read);
            read += more > 0 ? more : throw new EndOfStreamException("it became shorter while it was read");
        }
        return bytes;
    }
}
