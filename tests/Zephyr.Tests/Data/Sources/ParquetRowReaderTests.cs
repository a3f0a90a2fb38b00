using Parquet;
using Parquet.Schema;
using Parquet.Serialization;
using Zephyr.Data.Sources;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Sources;

public sealed class ParquetRowReaderTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    private sealed class Message
    {
        public string? Role { get; set; }

        public List<string>? Tags { get; set; }
    }

    private sealed class Row
    {
        public int Number { get; set; }

        public double? Score { get; set; }

        public string? Text { get; set; }

        public List<Message?>? Messages { get; set; }
    }

    private static readonly Row[] Rows =
    [
        new()
        {
            Number = 1, Score = 0.5, Text = "ü",
            Messages = [new() { Role = "user", Tags = ["a", "b"] }, new() { Role = null, Tags = [] }],
        },
        new() { Number = 2, Messages = [] },
        new() { Number = 3, Text = "", Messages = null },
        new() { Number = 4, Messages = [new() { Role = "x", Tags = null }, null, new() { Role = "y", Tags = ["c"] }] },
    ];

    private const string Expected =
        """
        {Number:1, Score:0.5, Text:ü, Messages:[{Role:user, Tags:[a, b]}, {Role:null, Tags:[]}]}
        {Number:2, Score:null, Text:null, Messages:[]}
        {Number:3, Score:null, Text:, Messages:null}
        {Number:4, Score:null, Text:null, Messages:[{Role:x, Tags:null}, null, {Role:y, Tags:[c]}]}
        """;

    [Theory]
    [InlineData(100)]
    [InlineData(3)]
    [InlineData(1)]
    public async Task Nested_nullable_lists_and_structs_come_back_as_written(int rowGroup)
    {
        var file = await WriteAsync(rowGroup);
        var rows = WholeRows.Read([file]).ToArray();
        Assert.Equal(Expected, string.Join("\n", rows.Select(row => Show(row.Fields))), ignoreLineEndingDifferences: true);
        Assert.Equal([1L, 2L, 3L, 4L], rows.Select(row => row.Location.Number));
        Assert.Equal($"{file}, row 4", rows[3].Location.ToString());
    }

    [Fact]
    public async Task Only_the_columns_that_are_asked_for_are_read()
    {
        var row = RowReader.Read([await WriteAsync(10)], (_, columns) => columns.Where(name => name == "Text").ToArray()).First();
        Assert.Equal("Text", Assert.Single(row.Fields).Key);
        Assert.Equal(["Number", "Score", "Text", "Messages"], row.Columns);
    }

    [Fact]
    public async Task A_list_with_no_wrapper_and_a_list_with_old_names_are_lists()
    {
        var plain = new DataField("a", typeof(int[]));
        var old = new ListField("b", new DataField<string>("array_element"), "bag");
        var schema = new ParquetSchema(plain, old);
        await using (var stream = File.Create(_folder.PathOf("old.parquet")))
        await using (var writer = await ParquetWriter.CreateAsync(schema, stream, cancellationToken: TestContext.Current.CancellationToken))
        using (var group = writer.CreateRowGroup())
        {
            await group.WriteAsync<int>(plain, new[] { 1, 2, 3 }, new[] { 0, 1, 0 }, null, TestContext.Current.CancellationToken);
            await group.WriteAsync((DataField)old.Item, ["x", "y", "z"], new[] { 0, 0, 1 });
        }
        Assert.Equal(["{a:[1, 2], b:[x]}", "{a:[3], b:[y, z]}"],
            WholeRows.Read([_folder.PathOf("old.parquet")]).Select(row => Show(row.Fields)));
    }

    [Theory]
    [InlineData("not Parquet at all", "not a Parquet file: it does not begin and end with PAR1")]
    [InlineData("PAR1", "not a Parquet file (size too small)")]
    public void A_file_of_another_format_is_one_sentence(string content, string reason)
    {
        var file = _folder.Write("bad.parquet", content);
        var message = Assert.Throws<UserErrorException>(() => WholeRows.Read([file]).ToArray()).Message;
        Assert.StartsWith($"{file}: cannot be read as Parquet, it is cut off, damaged or of another format (", message);
        Assert.Contains(reason, message);
    }

    [Fact]
    public async Task A_file_that_is_cut_off_anywhere_is_a_user_error()
    {
        var whole = await File.ReadAllBytesAsync(await WriteAsync(2), TestContext.Current.CancellationToken);
        for (var length = 1; length < whole.Length; length += 7)
            Assert.Throws<UserErrorException>(() => WholeRows.Read([_folder.Write("cut.parquet", whole[..length])]).ToArray());
    }

    [Fact]
    public void Lists_in_pages_of_version_2_are_refused_with_a_remedy()
    {
        var file = SharedFolder.PathOf("data/parquet/derived_ufb_schema_arrowrs_v2_zstd.parquet");
        Assert.Equal(
            $"{file}: its lists are stored in data pages of version 2, which Parquet.Net does not read yet; "
            + "rewrite it with version 1 pages (pyarrow: pq.write_table(pq.read_table(file), out, data_page_version='1.0')) or as JSON Lines",
            Assert.Throws<UserErrorException>(() => PreferenceSchema.Read([file]).Count()).Message);
    }

    private async Task<string> WriteAsync(int rowGroup)
    {
        var file = _folder.PathOf("rows.parquet");
        await using var stream = File.Create(file);
        await ParquetSerializer.SerializeAsync(Rows, stream, new ParquetOptions { RowGroupSize = rowGroup });
        return file;
    }

    internal static string Show(object? value) => value switch
    {
        null => "null",
        IReadOnlyList<object?> list => $"[{string.Join(", ", list.Select(Show))}]",
        IReadOnlyDictionary<string, object?> fields =>
            $"{{{string.Join(", ", fields.Select(field => $"{field.Key}:{Show(field.Value)}"))}}}",
        _ => $"{value}",
    };
}
