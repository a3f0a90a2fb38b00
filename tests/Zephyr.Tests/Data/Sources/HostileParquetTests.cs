using System.Buffers.Binary;
using Parquet;
using Parquet.Schema;
using Zephyr.Data.Sources;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Sources;

/// <summary>Footers and pages that say what is not so. Each stands for files that kept the library busy for ever, or made it ask for gigabytes.</summary>
public sealed class HostileParquetTests : IDisposable
{
    private static readonly DataField Number = new DataField<int>("number");

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_footer_written_anew_says_what_the_old_one_said()
    {
        var footer = Footer(Whole());
        var again = new ThriftReader(footer.Rewritten.AsMemory(..^8)).Read(ParquetShapes.FileMetaData);
        Assert.Equal(footer.Rewritten[..^8], ThriftWriter.ToArray(again));
        Assert.Equal([3L, 3L], footer.Groups.Select(group => group.Rows));
    }

    /// <summary>Parquet.Net reads a number of seven bits a byte from an ended stream without end: it takes -1 for 0xFF.</summary>
    [Fact]
    public void A_number_without_an_end_does_not_keep_the_library_busy()
    {
        var whole = Whole();
        var start = (int)Footer(whole).Start;
        for (var at = start; at < whole.Length - 8; at++)
        {
            byte[] bytes = [.. whole];
            bytes.AsSpan(at, whole.Length - 8 - at).Fill(0xFF);
            Refused(bytes);
        }
    }

    [Theory]
    [InlineData(3, -1L, "its row groups have 6 rows in all, its footer says -1")]
    [InlineData(3, long.MaxValue, "its row groups have 6 rows in all, its footer says 9223372036854775807")]
    public void The_footer_counts_its_rows(int field, long value, string problem) => Assert.Contains(problem, Refused(Changed(meta => meta[field] = value)));

    [Theory]
    [InlineData(5, 4L, "column number claims 4 values for 3 rows")]
    [InlineData(5, 1L << 40, "column number claims 1099511627776 values for 3 rows")]
    [InlineData(9, -5L, "a column claims to begin at byte -5")]
    [InlineData(9, 1L << 40, "two columns, or a column and the footer, share byte 1099511627776 of ")]
    [InlineData(1, 6L, "column number is of type 6, its schema says 1")]
    public void A_column_is_what_the_schema_and_the_file_allow(int field, long value, string problem) => Assert.Contains(problem, Refused(Changed(meta => Column(meta)[field] = value)));

    [Fact]
    public void Two_columns_share_no_page() =>
        Assert.Contains("share byte 4 of", Refused(Changed(meta => meta.Structs(4)[1].Structs(1)[0].Struct(3)![9] = Column(meta).Whole(9))));

    [Fact]
    public void A_column_in_another_file_is_not_opened() =>
        Assert.Contains("column number stands in another file", Refused(Changed(meta => meta.Structs(4)[0].Structs(1)[0][1] = "../../etc/passwd"u8.ToArray())));

    [Fact]
    public void A_schema_that_is_its_own_child_or_too_deep_is_refused()
    {
        Assert.Contains("its schema names more fields than it has", Refused(Changed(meta => meta.Structs(2)[0][5] = 1000L)));
        Assert.Contains("children", Refused(Changed(meta => meta.Structs(2)[0][5] = -1L)));
        Assert.Contains("deep", Refused(Changed(meta =>
        {
            var leaf = meta.Structs(2)[1];
            meta[2] = (ThriftStruct[])[meta.Structs(2)[0], .. Enumerable.Range(0, 100).Select(_ => Group(leaf)), leaf];
        })));
    }

    [Fact]
    public void More_rows_than_memory_has_room_for_are_refused_before_any_is_made()
    {
        const long Rows = 1L << 40;
        Assert.Contains("unpacks to more than", Refused(Changed(meta =>
        {
            meta[3] = Rows + 3;
            meta.Structs(4)[0][3] = Rows;
            Column(meta)[5] = Rows;
        })));
    }

    /// <summary>The page's header lies where it is written; its content is asked for its own opinion too.</summary>
    [Fact]
    public void A_page_claims_no_more_than_its_bytes_can_unpack_to()
    {
        var whole = Whole();
        var page = new ThriftReader(whole.AsMemory(4)).Read(ParquetShapes.PageHeader);
        foreach (var (field, value) in new[] { (2, 1L << 30), (2, -1L), (3, 1L << 30), (3, -1L) })
        {
            page[field] = value;
            byte[] lying = [.. whole[..4], .. ThriftWriter.ToArray(page), .. whole[4..]];
            Refused(lying);
        }
    }

    [Fact]
    public async Task Texts_that_are_not_utf8_are_not_silently_repaired()
    {
        var text = new DataField<string>("text");
        using var bytes = new MemoryStream();
        await using (var writer = await ParquetWriter.CreateAsync(new ParquetSchema(text), bytes, new ParquetOptions { CompressionMethod = CompressionMethod.None }, cancellationToken: TestContext.Current.CancellationToken))
        {
            using var group = writer.CreateRowGroup();
            await group.WriteAsync(text, ["sound", "not sound"]);
        }
        var file = bytes.ToArray();
        for (int at; (at = file.AsSpan().IndexOf("not sound"u8)) >= 0;) file[at] = 0xFF;
        Assert.Contains("a text of column text is not UTF-8", Refused(file));
    }

    private string Refused(byte[] bytes)
    {
        var file = _folder.Write("it.parquet", bytes);
        var message = Assert.Throws<UserErrorException>(() => WholeRows.Read([file]).Count()).Message;
        Assert.StartsWith($"{file}: cannot be read as Parquet, it is cut off, damaged or of another format (", message);
        return message;
    }

    private ParquetFooter Footer(byte[] bytes)
    {
        using var file = File.OpenRead(_folder.Write("whole.parquet", bytes));
        return ParquetFooter.Read(file);
    }

    private byte[] Changed(Action<ThriftStruct> change)
    {
        var whole = Whole();
        var start = (int)Footer(whole).Start;
        var meta = new ThriftReader(whole.AsMemory(start)).Read(ParquetShapes.FileMetaData);
        change(meta);
        var footer = ThriftWriter.ToArray(meta);
        var length = new byte[4];
        BinaryPrimitives.WriteInt32LittleEndian(length, footer.Length);
        return [.. whole[..start], .. footer, .. length, .. "PAR1"u8];
    }

    private static ThriftStruct Column(ThriftStruct meta) => meta.Structs(4)[0].Structs(1)[0].Struct(3)!;

    private static ThriftStruct Group(ThriftStruct leaf) => new(leaf.Shape) { [3] = 0L, [4] = "g"u8.ToArray(), [5] = 1L };

    private static byte[] Whole()
    {
        using var bytes = new MemoryStream();
        var writer = ParquetWriter.CreateAsync(new ParquetSchema(Number), bytes).GetAwaiter().GetResult();
        for (var i = 0; i < 2; i++)
        {
            using var group = writer.CreateRowGroup();
            group.WriteAsync<int>(Number, new[] { 1, 2, 3 }).GetAwaiter().GetResult();
        }
        writer.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return bytes.ToArray();
    }
}
