using Zephyr.Data.Sources;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Sources;

/// <summary>Rows of any columns are written as they were read.</summary>
public sealed class RowWriterTests : IDisposable
{
    private const string Rows = """
        {"id": "a", "n": 1, "x": 1.5, "ok": true, "messages": [{"content": "Hi", "role": "user"}, {"content": "Ho \ud83d\ude00", "role": "assistant"}], "tags": ["p", "q"], "deep": {"list": [{"k": [1, 2]}, {"k": []}], "s": "z"}}
        {"id": null, "n": null, "x": 2, "ok": null, "messages": [], "tags": null, "deep": null}
        {"id": "c", "messages": [{"content": "Only", "role": "user", "name": "N"}], "tags": [null, "r"], "deep": {"list": null, "s": null}, "late": "L"}
        """;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Parquet_holds_lists_structs_and_nulls_at_every_depth()
    {
        var rows = Read(_folder.Write("in.jsonl", Rows));
        var path = _folder.PathOf("out.parquet");
        Write(path, rows, copies: 700);
        var back = Read(path);
        Assert.Equal(2100, back.Length);
        for (var i = 0; i < back.Length; i++)
            foreach (var column in back[i].Columns)
                Assert.Equal(Text(rows[i % 3][column], column), Text(back[i][column], column));
    }

    [Fact]
    public void Lines_hold_what_was_read()
    {
        var rows = Read(_folder.Write("in.jsonl", Rows));
        var path = _folder.PathOf("out.jsonl");
        Write(path, rows, copies: 1);
        Assert.Equal(rows.Select(row => row.Columns.Select(column => (column, Text(row[column], "")))), Read(path).Select(row => row.Columns.Select(column => (column, Text(row[column], "")))));
        Assert.Contains("\"x\":1.5", File.ReadLines(path).First());
    }

    [Fact]
    public void A_column_of_two_types_is_refused_by_name()
    {
        var type = new ColumnType();
        type.Include(new("a.jsonl", 1, true), "score", 1L);
        type.Include(new("a.jsonl", 2, true), "score", 1.5);
        Assert.Equal(
            "a.jsonl, line 3, field 'score': found the text \"N/A\" where earlier rows have a number, expected one type, as a Parquet column has; "
            + "write formats: jsonl, or leave the column out with drop_columns",
            Assert.Throws<UserErrorException>(() => type.Include(new("a.jsonl", 3, true), "score", "N/A")).Message);
    }

    [Theory]
    [InlineData("data/sft/capybara_test.parquet")]
    [InlineData("data/sft/deita_test_sft_subset_arrow15.parquet")]
    [InlineData("data/feedback/ultrafeedback_raw_shape_200x4.jsonl")]
    public void Real_rows_survive_Parquet(string file)
    {
        var rows = Read(SharedFolder.PathOf(file));
        var path = _folder.PathOf("real.parquet");
        Write(path, rows, copies: 1);
        foreach (var (before, after) in rows.Zip(Read(path)))
            foreach (var column in before.Columns) Assert.Equal(Text(before[column], ""), Text(after[column], ""));
    }

    private static void Write(string path, DataRow[] rows, int copies)
    {
        var columns = new ColumnType();
        foreach (var row in rows)
            foreach (var column in row.Columns) columns.Field(column).Include(row.Location, column, row[column]);
        var name = Path.GetFileNameWithoutExtension(path);
        using var files = new RowFiles(name, [Path.GetExtension(path)[1..]], columns, file => Path.Combine(Path.GetDirectoryName(path)!, file));
        for (var i = 0; i < copies; i++)
            foreach (var row in rows) files.Add(row);
        files.Complete();
    }

    private static DataRow[] Read(string file) => [.. RowReader.Read([file], (_, columns) => [.. columns])];

    /// <summary>A value as text. A struct's field that is null is as good as absent: in Parquet all rows have all fields; likewise a whole number among fractions is a fraction.</summary>
    private static string Text(object? value, string column) => value switch
    {
        null => "null",
        IReadOnlyList<object?> list => $"[{string.Join(",", list.Select(item => Text(item, column)))}]",
        IReadOnlyDictionary<string, object?> fields => $"{{{string.Join(",", fields.Where(field => field.Value is not null).OrderBy(field => field.Key, StringComparer.Ordinal).Select(field => $"{field.Key}:{Text(field.Value, column)}"))}}}",
        long whole when column == "x" => Text((double)whole, column),
        _ => $"{value.GetType().Name} {value}",
    };
}
