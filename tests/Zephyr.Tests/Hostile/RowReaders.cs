using System.IO.Compression;
using System.Text;
using Parquet;
using Parquet.Schema;
using Zephyr.Data.Sources;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Hostile;

/// <summary>Readers of rows: JSON Lines, compressed ones, Parquet.</summary>
internal static class RowReaders
{
    private const string Dialogue = """
        {"messages": [{"role": "system", "content": ""}, {"role": "user", "content": "How far is 1 mile? é😀\u00e9"}, {"role": "assistant", "content": "1.609 km"}], "id": 17, "ok": true, "x": null}
        {"conversations": [{"from": "human", "value": "a"}, {"from": "gpt", "value": "b"}]}
        {"prompt": "2 + 2?", "completion": "4", "score": 1.5e-3}

        {"data": ["Hello", "Hi", "Bye", "Bye"]}
        {"text": "once upon a time"}

        """;

    private const string Pairs = """
        {"prompt": "2 + 2?", "chosen": "4", "rejected": "5"}
        {"prompt": "a", "chosen": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "b"}], "rejected": [{"role": "user", "content": "a"}, {"role": "assistant", "content": "c"}]}

        """;

    private const string Feedback = """
        {"instruction": "2 + 2?", "completions": [{"model": "a", "response": "4", "overall_score": 9}, {"model": "b", "response": "5", "overall_score": 1.5, "annotations": {"helpfulness": {"Rating": "3"}}}]}

        """;

    private const string Ids = """
        {"prompt_ids": [1, 2, 3], "completion_ids": [4, 5]}
        {"prompt_ids": [1], "completion_ids": [65535, 2]}

        """;

    private static readonly string[] SharedParquet =
    [
        "data/parquet/verl_arith_test_arrow18.parquet", "data/parquet/turkish_dialogues_test_zstd_arrow21.parquet", "data/sft/deita_test_sft_subset_arrow15.parquet",
    ];

    public static IEnumerable<HostileReader> All =>
    [
        new("dialogues, JSON Lines", "rows.jsonl", [Utf8(Dialogue)], path => Drain(ConversationSchema.Read([path]))),
        new("dialogues, bad rows left out", "rows.jsonl", [Utf8(Dialogue)], path => Drain(ConversationSchema.Read(new RowSource([new RowFile(path)], new(skip: true))))),
        new("pairs, JSON Lines", "rows.jsonl", [Utf8(Pairs)], path => Drain(PreferenceSchema.Read([path]))),
        new("feedback, JSON Lines", "rows.jsonl", [Utf8(Feedback)], path => Drain(FeedbackSchema.Read([path]))),
        new("token ids, JSON Lines", "rows.jsonl", [Utf8(Ids)], path => Drain(TokenIdSchema.Read([path]))),
        new("messages to continue", "messages.jsonl", [Utf8(Dialogue.Split('\n')[0])], path => Drain(MessagesFile.Read(path))),
        new("gzip", "rows.jsonl.gz", [Gzip(Dialogue), [.. Gzip(Dialogue), .. Gzip(Dialogue)]], path => Drain(ConversationSchema.Read(DataFiles.Resolve([path])))),
        new("Zstandard", "rows.jsonl.zst", [Zstandard(Dialogue), [.. Zstandard(Dialogue), .. Zstandard(Dialogue)]], path => Drain(ConversationSchema.Read(DataFiles.Resolve([path])))),
        new("Parquet", "rows.parquet", ParquetSamples(), path =>
        {
            RowReader.Count(path);
            Drain(WholeRows.Read([path]));
        }),
    ];

    private static byte[] Utf8(string text) => Encoding.UTF8.GetBytes(text);

    private static void Drain<T>(IEnumerable<T> rows)
    {
        foreach (var _ in rows)
        {
            // Each is made of what stands in the file.
        }
    }

    private static byte[] Gzip(string text)
    {
        using var bytes = new MemoryStream();
        using (var gzip = new GZipStream(bytes, CompressionMode.Compress)) gzip.Write(Utf8(text));
        return bytes.ToArray();
    }

    private static byte[] Zstandard(string text)
    {
        using var compressor = new ZstdSharp.Compressor();
        return compressor.Wrap(Utf8(text)).ToArray();
    }

    /// <summary>Small ones made here, one a compression; real ones by other writers where they are at hand.</summary>
    private static byte[][] ParquetSamples() =>
    [
        .. new[] { CompressionMethod.None, CompressionMethod.Snappy, CompressionMethod.Gzip, CompressionMethod.Zstd, CompressionMethod.Brotli }.Select(Parquet),
        .. SharedParquet.Select(SharedFolder.Find).OfType<string>().Select(File.ReadAllBytes),
    ];

    private static byte[] Parquet(CompressionMethod compression)
    {
        var (number, score, text) = (new DataField<int>("number"), new DataField<double?>("score"), new DataField<string>("text"));
        var messages = new ListField("messages", new StructField("element", new DataField<string>("role"), new DataField<string>("content")));
        var schema = new ParquetSchema(number, score, text, messages);
        using var bytes = new MemoryStream();
        var writer = ParquetWriter.CreateAsync(schema, bytes, new ParquetOptions { CompressionMethod = compression }).GetAwaiter().GetResult();
        for (var i = 0; i < 2; i++)
        {
            using var group = writer.CreateRowGroup();
            group.WriteAsync<int>(number, new[] { 1, 2, 3 }).GetAwaiter().GetResult();
            group.WriteAsync<double>(score, new double?[] { 0.5, null, 1e300 }).GetAwaiter().GetResult();
            group.WriteAsync(text, ["a", null, "été"]).GetAwaiter().GetResult();
            foreach (var field in schema.GetDataFields()[3..])
                group.WriteAsync(field, ["user", "assistant", "x", "user"], new[] { 0, 1, 0, 0 }).GetAwaiter().GetResult();
        }
        writer.DisposeAsync().AsTask().GetAwaiter().GetResult();
        return bytes.ToArray();
    }
}
