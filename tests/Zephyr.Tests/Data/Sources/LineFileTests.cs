using System.IO.Compression;
using System.Text;
using Zephyr.Data.Sources;
using Zephyr.Runtime;
using ZstdSharp;
using ZstdSharp.Unsafe;

namespace Zephyr.Tests.Data.Sources;

public sealed class LineFileTests : IDisposable
{
    private static readonly string Text = string.Concat(Enumerable.Range(0, 20_000).Select(i => $$"""{"a": {{i}}, "b": "{{i * 7919L % 10007}}"}""" + "\n"));

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("rows.jsonl.gz")]
    [InlineData("rows.jsonlines.gz")]
    [InlineData("rows.json-lines.GZ")]
    [InlineData("rows.json.gz")]
    [InlineData("rows.jsonl.zst")]
    [InlineData("rows.json.zst")]
    public void Compressed_rows_are_read_wherever_plain_ones_are(string name)
    {
        var file = _folder.Write(name, Pack(name, Text));
        foreach (var pattern in new[] { file, _folder.Path, _folder.PathOf("*") })
        {
            var rows = WholeRows.Read(DataFiles.Resolve([pattern])).ToList();
            Assert.Equal(20_000, rows.Count);
            Assert.Equal((19_999L, $"{file}, line 20000"), (rows[^1]["a"], $"{rows[^1].Location}"));
        }
        Assert.Equal(20_000, RowReader.Count(file));
    }

    [Theory]
    [InlineData(".gz")]
    [InlineData(".zst")]
    public void Streams_laid_end_to_end_are_one(string end)
    {
        byte[] parts = [.. Pack(end, "{\"a\": 1}\n{\"a\": "), .. Pack(end, "2}\n"), .. Pack(end, ""), .. Pack(end, "{\"a\": 3}")];
        Assert.Equal([1L, 2L, 3L], Rows(_folder.Write("rows.jsonl" + end, parts)).Select(row => row["a"]));
    }

    [Theory]
    [InlineData(".gz")]
    [InlineData(".zst")]
    public void A_stream_that_is_cut_off_anywhere_is_named_with_the_line_where_it_stopped(string end)
    {
        var whole = Pack(end, Text);
        foreach (var length in new[] { 3, 9, 20, whole.Length / 3, whole.Length / 2, whole.Length - 9, whole.Length - 1 })
        {
            var file = _folder.Write($"cut{length}.jsonl" + end, whole[..length]);
            var message = Assert.Throws<UserErrorException>(() => Rows(file).Count()).Message;
            Assert.Matches(@"^.*, line \d+: the compressed stream is damaged or cut off there \(.+\), expected a whole \.(gz|zst) file$", message);
            Assert.StartsWith($"{file}, line {CompleteLines(file) + 1}: ", message);
        }
    }

    [Theory]
    [InlineData(".gz")]
    [InlineData(".zst")]
    public void A_second_stream_that_is_cut_off_is_missed_too(string end)
    {
        var file = _folder.Write("rows.jsonl" + end, [.. Pack(end, "{\"a\": 1}\n"), .. Pack(end, Text)[..100]]);
        Assert.Contains("is damaged or cut off there", Assert.Throws<UserErrorException>(() => Rows(file).Count()).Message);
    }

    [Theory]
    [InlineData(".gz")]
    [InlineData(".zst")]
    public void A_damaged_stream_never_passes_for_a_whole_one(string end)
    {
        var whole = Pack(end, Text);
        for (var at = 0; at < whole.Length; at += whole.Length / 23)
        {
            var damaged = (byte[])whole.Clone();
            damaged[at] ^= 0x10;
            var file = _folder.Write("rows.jsonl" + end, damaged);
            // A few bytes of a header mean nothing (time, system); all others are covered by a check sum.
            try
            {
                Assert.Equal(20_000, Rows(file).Select(row => row["a"]).Distinct().Count());
                Assert.InRange(at, 0, 9);
            }
            catch (UserErrorException error)
            {
                Assert.StartsWith(file, error.Message);
            }
        }
    }

    [Theory]
    [InlineData(".gz")]
    [InlineData(".zst")]
    public void A_name_that_promises_compression_falsely_is_one_sentence(string end)
    {
        var file = _folder.Write("rows.jsonl" + end, "{\"a\": 1}\n{\"a\": 2}\n");
        Assert.StartsWith($"{file}, line 1: the compressed stream is damaged", Assert.Throws<UserErrorException>(() => DataFiles.Resolve([file])).Message);
    }

    [Theory]
    [InlineData(".gz")]
    [InlineData(".zst")]
    public void An_empty_file_and_one_json_array_are_seen_through_the_compression(string end)
    {
        var empty = _folder.Write("a.jsonl" + end, Pack(end, ""));
        Assert.Equal($"{empty}: the file is empty", Assert.Throws<UserErrorException>(() => DataFiles.Resolve([empty])).Message);
        var array = _folder.Write("b.json" + end, Pack(end, "\n[{}]"));
        Assert.StartsWith($"{array}: found one JSON array", Assert.Throws<UserErrorException>(() => DataFiles.Resolve([array])).Message);
    }

    [Fact]
    public void The_same_rows_plain_and_compressed_are_refused()
    {
        _folder.Write("f.jsonl", "{}");
        _folder.Write("f.jsonl.gz", Pack(".gz", "{}"));
        _folder.Write("f.jsonl.zst", Pack(".zst", "{}"));
        Assert.Equal($"{_folder.Path}: holds f.jsonl and f.jsonl.gz and f.jsonl.zst, by their names the same rows in two formats, expected one of them to be named",
            Assert.Throws<UserErrorException>(() => DataFiles.Resolve([_folder.Path])).Message);
    }

    /// <summary>Much without a line feed in a small file: the line is passed over piece by piece.</summary>
    [Theory]
    [InlineData(".gz")]
    [InlineData(".zst")]
    public void A_bomb_takes_no_more_memory_than_a_line(string end)
    {
        var file = _folder.PathOf("bomb.jsonl" + end);
        using (var pack = Packer(end, File.Create(file)))
        {
            var block = new byte[1 << 20];
            block.AsSpan().Fill((byte)' ');
            for (var i = 0; i < 72; i++) pack.Write(block);
        }
        var before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("line 1: found a line of more than 67108864 bytes", Assert.ThrowsAny<UserErrorException>(() => Rows(file).Count()).Message);
        // The buffer doubles up to 128 MiB: less than that again went into its smaller predecessors.
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, 280L << 20);
    }

    private static IEnumerable<DataRow> Rows(string file) => WholeRows.Read([file]);

    private static int CompleteLines(string file)
    {
        var lines = 0;
        using var bytes = File.OpenRead(file);
        using Stream stream = file.EndsWith(".gz", StringComparison.Ordinal) ? new GZipStream(bytes, CompressionMode.Decompress) : new DecompressionStream(bytes);
        try
        {
            for (int next; (next = stream.ReadByte()) >= 0;) lines += next == '\n' ? 1 : 0;
        }
        catch (Exception)
        {
            // As far as it goes.
        }
        return lines;
    }

    private static byte[] Pack(string name, string text)
    {
        using var packed = new MemoryStream();
        using (var pack = Packer(name, packed)) pack.Write(Encoding.UTF8.GetBytes(text));
        return packed.ToArray();
    }

    private static Stream Packer(string name, Stream to)
    {
        if (name.EndsWith(".gz", StringComparison.OrdinalIgnoreCase)) return new GZipStream(to, CompressionLevel.Optimal);
        var packer = new CompressionStream(to, leaveOpen: false);
        packer.SetParameter(ZSTD_cParameter.ZSTD_c_checksumFlag, 1);
        return packer;
    }
}
