using System.Text;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Sources;

public sealed class JsonLinesReaderTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Values_keep_their_kind()
    {
        var row = Assert.Single(Read("""{"t": "ü\n", "i": 3, "d": 3.0, "b": true, "n": null, "l": [1, "x"], "s": {"a": []}}"""));
        Assert.Equal(["t", "i", "d", "b", "n", "l", "s"], row.Columns);
        Assert.Equal("ü\n", row["t"]);
        Assert.Equal(3L, row["i"]);
        Assert.Equal(3.0, row["d"]);
        Assert.Equal(true, row["b"]);
        Assert.Null(row["n"]);
        Assert.Equal([1L, "x"], Assert.IsAssignableFrom<IReadOnlyList<object?>>(row["l"]));
        Assert.Equal("a", Assert.Single(Assert.IsAssignableFrom<IReadOnlyDictionary<string, object?>>(row["s"])).Key);
    }

    [Fact]
    public void A_byte_order_mark_blank_lines_carriage_returns_and_a_missing_last_feed_are_fine()
    {
        var rows = Read("\uFEFF{\"a\": 1}\r\n\r\n  \n{\"a\": 2}").ToArray();
        Assert.Equal([1L, 2L], rows.Select(row => row["a"]));
        Assert.Equal([1L, 4L], rows.Select(row => row.Location.Number));
    }

    [Fact]
    public void Lines_of_every_length_around_the_buffer_size_arrive_whole()
    {
        int[] lengths = [1, 65510, 65536, 65537, 1, 200_000, 131_072, 3];
        var lines = lengths.Select((length, i) => $$"""{"a": "{{new string((char)('a' + i), length)}}"}""");
        Assert.Equal(lengths, Read(string.Join('\n', lines)).Select(row => ((string)row["a"]!).Length));
    }

    [Fact]
    public void Only_the_columns_that_are_asked_for_are_read()
    {
        var file = _folder.Write("rows.jsonl", """{"a": 1, "junk": "\ud800", "b": 2}""");
        var row = Assert.Single(RowReader.Read([file], (_, _) => ["b", "absent"]));
        Assert.Equal("b", Assert.Single(row.Fields).Key);
        Assert.Equal(["a", "junk", "b"], row.Columns);
    }

    [Theory]
    [InlineData("{\"a\": 1", "found broken JSON at byte 7, expected one JSON object on the line")]
    [InlineData("{\"a\": 1} x", "found broken JSON at byte 9, expected one JSON object on the line")]
    [InlineData("{\"a\": NaN}", "found broken JSON at byte 6, expected one JSON object on the line")]
    [InlineData("[1]", "found a JSON array, expected one JSON object on the line")]
    [InlineData("\"a\"", "found a JSON string, expected one JSON object on the line")]
    [InlineData("""{"a": {"b": ["x", "\ud83d"]}}""", "found half a surrogate pair (\\uD800 to \\uDFFF), expected Unicode text", "a.b[1]")]
    [InlineData("""{"\ud83d": 1}""", "found a field name with half a surrogate pair (\\uD800 to \\uDFFF), expected Unicode text")]
    public void A_bad_line_is_named(string line, string problem, string? field = null)
    {
        var where = field is null ? "" : $", field '{field}'";
        var error = Assert.Throws<BadRowException>(() => Read("{\"a\": 1}\n" + line).ToArray());
        Assert.Equal($"{_folder.Path}/rows.jsonl, line 2{where}: {problem}", error.Message);
    }

    [Fact]
    public void A_name_that_stands_twice_is_refused() =>
        Assert.StartsWith($"{_folder.Path}/rows.jsonl, line 1: found JSON with an error (Duplicate property 'a'",
            Assert.Throws<BadRowException>(() => Read("""{"a": 1, "a": 2}""").ToArray()).Message);

    [Fact]
    public void Broken_utf8_is_refused()
    {
        var file = _folder.Write("rows.jsonl", [.. "{\"a\": 1}\n{\"a\": \""u8, 0xC3, 0x28, .. "\"}"u8]);
        var error = Assert.Throws<BadRowException>(() => WholeRows.Read([file]).ToArray());
        Assert.Equal($"{file}, line 2: found bytes that are not UTF-8, expected UTF-8 text", error.Message);
    }

    [Fact]
    public void Files_without_a_row_are_refused() =>
        Assert.Equal($"{_folder.Path}/rows.jsonl: found no rows, expected at least one",
            Assert.Throws<UserErrorException>(() => Read("\n\n").ToArray()).Message);

    [Fact]
    public void Rows_before_a_bad_one_are_handed_out()
    {
        using var rows = Read("{\"a\": 1}\nbroken").GetEnumerator();
        Assert.True(rows.MoveNext());
        Assert.Throws<BadRowException>(() => rows.MoveNext());
    }

    [Fact]
    public void A_line_that_is_too_long_is_named()
    {
        var file = _folder.Write("rows.jsonl", "{}\n\"" + new string('x', 100_000) + "\"\n");
        Assert.Equal(2, JsonLinesReader.ReadValues(file).Count());
        Assert.Equal($"{file}, line 2: found a line of more than 90000 bytes, expected one JSON object a line, each shorter than that",
            Assert.Throws<BadRowException>(() => JsonLinesReader.ReadValues(file, maxLineBytes: 90_000).Count()).Message);
    }

    private IEnumerable<DataRow> Read(string text) => WholeRows.Read([_folder.Write("rows.jsonl", Encoding.UTF8.GetBytes(text))]);
}
