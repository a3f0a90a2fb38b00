using System.IO.Compression;
using System.Text;
using Zephyr.Configuration;
using Zephyr.Data.Prepared;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Prepared;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Data.Text;
using Zephyr.Training;

namespace Zephyr.Tests.Hostile;

/// <summary>What mutated files and thought found in the readers, each by name. That of Parquet stands in HostileParquetTests, that of safetensors in SafetensorsFileTests.</summary>
public sealed class FoundDefectTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>SharpZipLib looks up lengths that do not exist, and threw IndexOutOfRangeException.</summary>
    [Fact]
    public void A_damaged_table_of_codes_in_gzip_is_one_sentence()
    {
        using var packed = new MemoryStream();
        using (var gzip = new GZipStream(packed, CompressionLevel.SmallestSize, leaveOpen: true))
            gzip.Write(Encoding.UTF8.GetBytes(string.Concat(Enumerable.Range(0, 200).Select(i => $"{{\"text\": \"{i * i}\"}}\n"))));
        var whole = packed.ToArray();
        for (var at = 10; at < 60; at++)
            for (var bit = 0; bit < 8; bit++)
            {
                byte[] bytes = [.. whole];
                bytes[at] ^= (byte)(1 << bit);
                var file = _folder.Write("rows.jsonl.gz", bytes);
                Assert.True(Record.Exception(() => WholeRows.Read([file]).Count()) is UserErrorException, $"bit {bit} of byte {at}");
            }
    }

    /// <summary>A line of gigabytes was read to its end before anything was said of it.</summary>
    [Theory]
    [InlineData(".gz")]
    [InlineData(".zst")]
    public void A_line_without_end_is_refused_where_it_grows_too_long(string end)
    {
        var file = _folder.Write("rows.jsonl" + end, Bomb(end, 200 << 20));
        var watch = System.Diagnostics.Stopwatch.StartNew();
        Assert.Equal($"{file}, line 1: found a line of more than 67108864 bytes, expected one JSON object a line, each shorter than that",
            Assert.Throws<Zephyr.Data.BadRowException>(() => WholeRows.Read([file]).Count()).Message);
        Assert.InRange(watch.Elapsed.TotalSeconds, 0, 20);
    }

    /// <summary>With bad rows left out, a line without end was unpacked to the last of its terabytes.</summary>
    [Fact]
    public void A_file_that_unpacks_out_of_all_proportion_is_refused()
    {
        using var packed = File.Create(_folder.PathOf("rows.jsonl.zst"));
        using (var zstandard = new ZstdSharp.CompressionStream(packed, 1, leaveOpen: true))
            for (var i = 0; i < 1100; i++) zstandard.Write(Zeros);
        packed.Dispose();
        Assert.StartsWith($"{packed.Name}: found a file that grows without bound (", Assert.Throws<UserErrorException>(
            () => ConversationSchema.Read(new RowSource([new RowFile(packed.Name)], new(skip: true))).Count()).Message);
    }

    /// <summary>Two bytes for an empty list became a hundred in memory.</summary>
    [Fact]
    public void A_row_of_a_million_values_is_none()
    {
        var file = _folder.Write("rows.jsonl", $"{{\"text\": [{string.Join(',', Enumerable.Repeat("{}", 1_100_000))}]}}\n");
        Assert.Equal($"{file}, line 1: found more than 1000000 values, expected one JSON object on the line", Assert.Throws<Zephyr.Data.BadRowException>(() => WholeRows.Read([file]).Count()).Message);
        Assert.Single(WholeRows.Read([_folder.Write("rows.jsonl", $"{{\"text\": \"{new string(',', 1_100_000)}\"}}\n")]));
    }

    /// <summary>Names of the file's own stood in the sentence in full, whatever their length and number.</summary>
    [Fact]
    public void A_sentence_stays_one_whatever_the_names_in_it()
    {
        var file = _folder.Write("rows.jsonl", $"{{{string.Join(", ", Enumerable.Range(0, 5000).Select(i => $"\"{new string('n', 100)}{i}\": 1"))}}}\n");
        Assert.InRange(Assert.Throws<Zephyr.Data.BadRowException>(() => ConversationSchema.Read([file]).Count()).Message.Length, 1, 4000);
    }

    /// <summary>A million brackets cost a minute, and a million keys a sentence each.</summary>
    [Fact]
    public void A_config_without_end_is_given_up()
    {
        var deep = _folder.Write("deep.yaml", "dataset: " + new string('[', 500_000));
        Assert.Equal($"{deep}:1: lists and mappings are more than 64 deep here", Problem(deep).Split('\n')[0]);
        var wide = _folder.Write("wide.yaml", string.Concat(Enumerable.Range(0, 50_000).Select(i => $"key{i}: 1\n")));
        Assert.Equal(101, Problem(wide).Split('\n').Length);
        Assert.EndsWith("more problems", Problem(wide));
        var bomb = _folder.Write("bomb.yaml", "a: &a [x, x]\nb: &b [*a, *a]\nc: &c [*b, *b]\nseed: *c\n");
        Assert.Contains("anchors (&name) are not supported", Problem(bomb));
        var large = _folder.Write("large.yaml", $"output_dir: {new string('x', 2 << 20)}");
        Assert.Equal($"{large}: found more than 1048576 bytes, expected a config file of at most that", Problem(large));
        Assert.InRange(Problem(_folder.Write("long.yaml", $"seed: {new string('x', 900_000)}")).Length, 1, 2000);
    }

    /// <summary>/dev/zero has no size, and was read until memory ended.</summary>
    [Fact]
    public void A_file_without_a_size_is_read_to_the_bound_only()
    {
        Directory.CreateDirectory(_folder.PathOf("model"));
        File.CreateSymbolicLink(_folder.PathOf("model/config.json"), "/dev/zero");
        Assert.Equal($"{_folder.PathOf("model/config.json")}: found more than 1048576 bytes, expected a model's config of at most that",
            Assert.Throws<UserErrorException>(() => MistralConfigFile.Read(_folder.PathOf("model"))).Message);
    }

    [Fact]
    public void A_vocabulary_of_millions_of_pieces_or_marks_is_refused()
    {
        List<SentencePiece> Pieces(int count, SentencePieceType type) => [.. TinyTokenizer.Pieces(), .. Enumerable.Range(0, count).Select(i => new SentencePiece($"p{i}", -i, type))];
        Assert.Contains("found more than 300000 pieces", Assert.Throws<UserErrorException>(() => SentencePieceModel.Create(Pieces(300_001, SentencePieceType.Normal))).Message);
        Assert.Contains("found 30003 marks", Assert.Throws<UserErrorException>(() => SentencePieceModel.Create(Pieces(30_000, SentencePieceType.UserDefined))).Message);
    }

    /// <summary>Sums that are no numbers passed, and a line of gigabytes was held whole.</summary>
    [Fact]
    public void A_reference_cache_that_lies_counts_up_to_where_it_does()
    {
        const string Good = "{\"pair\":\"00112233445566778899aabbccddeeff\",\"chosen\":-1,\"rejected\":-2}\n";
        foreach (var lie in new[] { Good.Replace("-1", "1e999").Replace("00", "01"), new string('x', 1 << 20), "{\"pair\":\"zz\"}", "\0" })
            Assert.Single(new ReferenceCache(_folder.Write("reference_logps.jsonl", $"{{\"reference\":\"it\"}}\n{Good}{lie}\n{Good.Replace("ff", "fe")}"), "it").Known);
    }

    /// <summary>Places and numbers behind the end, or before the beginning, were followed where the hash was right; so were notes that are no JSON.</summary>
    [Theory]
    [InlineData(0)]
    [InlineData(8)]
    [InlineData(16)]
    [InlineData(24)]
    [InlineData(32)]
    [InlineData(-1)]
    public void Prepared_rows_that_lie_and_vouch_for_it_are_made_anew(int field)
    {
        foreach (var value in new[] { -1, 1, long.MaxValue, long.MinValue, int.MaxValue })
        {
            var bytes = RunReaders.Sequences();
            System.Buffers.Binary.BinaryPrimitives.WriteInt64LittleEndian(bytes.AsSpan(bytes.Length - 104 + (field < 0 ? -8 : field)), value);
            var path = RunReaders.Hashed(_folder.Write("it.rows", bytes));
            Assert.Equal("it is not used, and the rows are made anew", Assert.Throws<UserErrorException>(() => RunReaders.Read(path, new SequenceFormat(RandomRows.Files))).Message);
        }
    }

    private static readonly byte[] Zeros = new byte[1 << 20];

    private static byte[] Bomb(string end, int bytes)
    {
        using var packed = new MemoryStream();
        using (Stream stream = end == ".gz" ? new GZipStream(packed, CompressionLevel.Fastest, leaveOpen: true) : new ZstdSharp.CompressionStream(packed, 1, leaveOpen: true))
            for (var written = 0; written < bytes; written += Zeros.Length) stream.Write(Zeros);
        return packed.ToArray();
    }

    private static string Problem(string yaml) => Assert.ThrowsAny<UserErrorException>(() => ConfigReader.Read<SftConfig>(yaml, [])).Message;
}
