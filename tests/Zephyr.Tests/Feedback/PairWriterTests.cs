using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Feedback;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Feedback;

public sealed class PairWriterTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("parquet", 1)]
    [InlineData("parquet", 2500)]
    [InlineData("jsonl", 3)]
    public void What_is_written_is_read_back(string format, int count)
    {
        var pairs = Pairs(count);
        var file = Write(format, "a", pairs);
        foreach (var (read, pair) in PreferenceSchema.Read([file]).Zip(pairs, (read, pair) => (read, pair)))
        {
            Assert.Equal([new ChatMessage("user", pair.Prompt)], read.Prompt);
            Assert.Equal([new ChatMessage("assistant", pair.Chosen.Completion.Response)], read.Chosen);
            Assert.Equal([new ChatMessage("assistant", pair.Rejected.Completion.Response)], read.Rejected);
        }
        Assert.Equal(count, ConversationSchema.Read([file]).Count());
        Assert.Equal(
            "{prompt:Q0 \"ü\"\n😀, prompt_id:d85290451fce5755904ab952c0a63a1c16286d25f5c03dad1d796c7f6c7c9759, "
            + "chosen:[{content:Q0 \"ü\"\n😀, role:user}, {content:A0, role:assistant}], "
            + "rejected:[{content:Q0 \"ü\"\n😀, role:user}, {content:<b>B0</b>, role:assistant}], "
            + "messages:[{content:Q0 \"ü\"\n😀, role:user}, {content:A0, role:assistant}], "
            + "score_chosen:9, score_rejected:0.5, model_chosen:x, model_rejected:y}",
            ParquetRowReaderTests.Show(WholeRows.Read([file]).First().Fields));
    }

    [Theory]
    [InlineData("parquet")]
    [InlineData("jsonl")]
    public void The_same_pairs_are_the_same_bytes(string format) =>
        Assert.Equal(File.ReadAllBytes(Write(format, "a", Pairs(1500))), File.ReadAllBytes(Write(format, "b", Pairs(1500))));

    [Fact]
    public void A_score_in_json_lines_has_a_decimal_point() =>
        Assert.Contains("\"score_chosen\":9.0,\"score_rejected\":0.5,", File.ReadAllText(Write("jsonl", "a", Pairs(1))));

    [Fact]
    public void The_parquet_schema_is_that_of_ultrafeedback_binarized_and_two_columns()
    {
        var reference = Schema(SharedFolder.PathOf("data/parquet/derived_ufb_schema_duckdb_zstd_v2.parquet"));
        Assert.Equal([.. reference, "OPTIONAL model_chosen BYTE_ARRAY", "OPTIONAL model_rejected BYTE_ARRAY"],
            Schema(Write("parquet", "a", Pairs(1))));
    }

    [Fact]
    public void A_split_without_pairs_has_no_files()
    {
        using (var files = new PairFiles("test", ["parquet", "jsonl"], _folder.PathOf)) files.Complete();
        Assert.Empty(Directory.EnumerateFiles(_folder.Path));
    }

    private string Write(string format, string split, IEnumerable<ScoredPair> pairs)
    {
        using var files = new PairFiles(split, [format], _folder.PathOf);
        foreach (var pair in pairs) files.Add(pair);
        files.Complete();
        return _folder.PathOf($"{split}_prefs.{format}");
    }

    private static ScoredPair[] Pairs(int count) => [.. Enumerable.Range(0, count).Select(i => new ScoredPair(
        $"Q{i} \"ü\"\n😀", new(Rows.Answer("x", $"A{i}", null), 9), new(Rows.Answer("y", $"<b>B{i}</b>", null), 0.5)))];

    private static string[] Schema(string file)
    {
        using var stream = File.OpenRead(file);
        var reader = Parquet.ParquetReader.CreateAsync(stream).GetAwaiter().GetResult();
        return [.. reader.Metadata!.Schema.Skip(1).Select(element => $"{element.RepetitionType} {element.Name} {element.Type}".TrimEnd())];
    }
}
