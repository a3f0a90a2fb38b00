using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Data;

public sealed class BadRowsTests : IDisposable
{
    private const string Good = """{"messages": [{"role": "user", "content": "Q"}, {"role": "assistant", "content": "A"}]}""";
    private const string Unanswered = """{"messages": [{"role": "user", "content": "Q"}]}""";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void The_first_bad_row_ends_it_where_they_are_not_left_out()
    {
        var bad = new BadRows(skip: false);
        using var rows = Read(bad, Good, Unanswered, "broken").GetEnumerator();
        Assert.True(rows.MoveNext());
        Assert.StartsWith($"{_folder.Path}/rows.jsonl, line 2, field 'messages': found the roles user",
            Assert.Throws<BadRowException>(() => rows.MoveNext()).Message);
        Assert.Empty(bad.Describe());
    }

    [Fact]
    public void Bad_rows_are_left_out_and_counted_by_reason_and_the_first_ones_named()
    {
        var bad = new BadRows(skip: true);
        var lines = new[] { "broken", Good, Unanswered, """{"question": "Q"}""", Good, """{"messages": [{"role": "user", "content": 1}]}""" };
        Assert.Equal([2L, 5, 8], Read(bad, [.. lines, Unanswered, Good, "[1]"]).Select(row => row.Location.Number));
        Assert.Equal(6, bad.Count);
        var file = _folder.PathOf("rows.jsonl");
        Assert.Equal(
            [
                "6 rows left out that cannot be used (on_bad_row: skip): 2 with a field 'messages' other than an assistant turn to learn from; "
                    + "2 with content other than one JSON object on the line; 1 with a field 'messages[].content' other than a text; 1 with columns of no known kind of row",
                $"left out: {file}, line 1: found broken JSON at byte 0, expected one JSON object on the line",
                $"left out: {file}, line 3, field 'messages': found the roles user, expected an assistant turn to learn from",
                $"left out: {file}, line 4: found the columns question, expected messages [{{role, content}}]; or conversations [{{from, value}}]; "
                    + "or prompt + completion; or data [text] (raw UltraChat); or text (learnt as it stands)",
                $"left out: {file}, line 6, field 'messages[0].content': found the number 1, expected a text",
                $"left out: {file}, line 7, field 'messages': found the roles user, expected an assistant turn to learn from",
                "left out: 1 more",
            ],
            bad.Describe());
    }

    [Fact]
    public void A_row_counts_once_however_often_it_is_read()
    {
        var bad = new BadRows(skip: true);
        for (var pass = 0; pass < 3; pass++) Assert.Single(Read(bad, Good, "broken", Unanswered));
        Assert.Equal(2, bad.Count);
        Assert.Equal(3, bad.Describe().Count());
    }

    [Theory]
    [InlineData("broken", "found broken JSON at byte 0")]
    [InlineData(Unanswered, "field 'messages': found the roles user")]
    [InlineData("""{"question": "Q"}""", "found the columns question")]
    public void Rows_that_are_all_bad_are_refused_with_the_first_one(string line, string problem)
    {
        var message = Assert.Throws<UserErrorException>(() => Read(new(skip: true), line, line, line).Count()).Message;
        Assert.StartsWith($"{_folder.Path}/rows.jsonl, line 1", message);
        Assert.Contains(problem, message);
        Assert.EndsWith("; none of the 3 rows can be used", message);
    }

    [Fact]
    public void One_file_of_several_that_is_no_json_at_all_is_refused()
    {
        string[] files = [_folder.Write("a.jsonl", Good), _folder.Write("b.jsonl", "no\nrows\n")];
        var source = RowSource.Of(files) with { Bad = new(skip: true) };
        Assert.Equal($"{files[1]}, line 1: found broken JSON at byte 1, expected one JSON object on the line; none of the 2 rows can be used",
            Assert.Throws<UserErrorException>(() => ConversationSchema.Read(source).Count()).Message);
    }

    [Fact]
    public void A_parquet_file_that_is_damaged_or_has_other_columns_is_not_a_bad_row()
    {
        var source = RowSource.Of([_folder.Write("a.parquet", "PAR1 and nothing else")]) with { Bad = new(skip: true) };
        Assert.Contains("cannot be read as Parquet", Assert.Throws<UserErrorException>(() => ConversationSchema.Read(source).Count()).Message);
        source = RowSource.Of([SharedFolder.PathOf("data/parquet/verl_arith_test_arrow18.parquet")]) with { Bad = new(skip: true) };
        Assert.Contains("found the columns prompt", Assert.Throws<BadRowException>(() => ConversationSchema.Read(source).Count()).Message);
    }

    [Fact]
    public void A_line_that_is_too_long_is_left_out_and_the_next_one_is_whole()
    {
        var file = _folder.PathOf("rows.jsonl");
        using (var writer = File.CreateText(file))
        {
            writer.WriteLine(Good);
            for (var i = 0; i <= LineFile.MaxLineBytes >> 20; i++) writer.Write(new string(' ', 1 << 20));
            writer.WriteLine();
            writer.WriteLine(Good);
        }
        var bad = new BadRows(skip: true);
        Assert.Equal([1L, 3], ConversationSchema.Read(RowSource.Of([file]) with { Bad = bad }).Select(row => row.Location.Number));
        Assert.Equal($"left out: {file}, line 2: found a line of more than 67108864 bytes, expected one JSON object a line, each shorter than that",
            bad.Describe().Last());
    }

    [Fact]
    public void Outcomes_made_on_many_threads_are_kept_in_order()
    {
        var bad = new BadRows(skip: true);
        var outcomes = Enumerable.Range(0, 1000).AsParallel().AsOrdered().Select(i => RowOutcome.Of(i, number => number % 10 == 3
            ? throw new BadRowException(new("f", number, IsLine: true), "", "x", "y") : $"{number}"));
        Assert.Equal(Enumerable.Range(0, 1000).Where(i => i % 10 != 3).Select(i => $"{i}"), bad.Kept(outcomes));
        Assert.Equal(100, bad.Count);
        Assert.Equal("left out: f, line 3: found x, expected y", bad.Describe().ElementAt(1));
    }

    private IEnumerable<Conversation> Read(BadRows bad, params string[] lines) =>
        ConversationSchema.Read(RowSource.Of([_folder.Write("rows.jsonl", string.Join('\n', lines))]) with { Bad = bad });
}
