using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Zephyr.Data.Sources;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Sources;

/// <summary>
/// Every value of every row of the reference files is what another reader says: duckdb-digests.txt was written by DuckDB
/// (scripts/duckdb-digests.cs, which says how a row is written down).
/// </summary>
public class DuckDbEqualityTests
{
    private static readonly string Digests = Path.Combine(SharedFolder.RepositoryRoot, "tests/Zephyr.Tests/Data/Sources/duckdb-digests.txt");

    /// <summary>The one that is refused (lists in data pages of version 2); ParquetRowReaderTests has the sentence.</summary>
    private const string Refused = "parquet/derived_ufb_schema_arrowrs_v2_zstd.parquet";

    public static TheoryData<string, string> Files() => new(File.ReadAllLines(Digests).Select(line => line.Split(' ', 3)).Select(parts => (parts[2], $"{parts[0]} {parts[1]}")));

    [Theory]
    [MemberData(nameof(Files))]
    public void A_file_reads_as_in_DuckDB(string name, string expected)
    {
        var file = SharedFolder.PathOf("data/" + name);
        if (name == Refused)
        {
            Assert.Throws<UserErrorException>(() => WholeRows.Read([file]).First());
            return;
        }
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        var rows = 0;
        foreach (var row in WholeRows.Read([file]))
        {
            rows++;
            var text = new StringBuilder();
            Write(row.Fields, text);
            hash.AppendData(Encoding.UTF8.GetBytes(text.Append('\n').ToString()));
        }
        Assert.Equal(expected, $"{rows} {Convert.ToHexStringLower(hash.GetHashAndReset())}");
        Assert.Equal(rows, RowReader.Count(file));
    }

    [Fact]
    public void The_digests_cover_all_reference_files()
    {
        var folder = SharedFolder.PathOf("data");
        var files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories).Where(DataFileName.IsData).Select(file => Path.GetRelativePath(folder, file));
        Assert.Equal(files.Order(StringComparer.Ordinal), Files().Select(row => row.Data.Item1));
    }

    private static void Write(object? value, StringBuilder text)
    {
        switch (value)
        {
            case null: text.Append('n'); break;
            case bool flag: text.Append(flag ? 't' : 'f'); break;
            case string word: Text(word, text); break;
            case IReadOnlyList<object?> items:
                text.Append('[');
                foreach (var item in items) Write(item, text);
                text.Append(']');
                break;
            case IReadOnlyDictionary<string, object?> fields:
                text.Append('{');
                foreach (var (name, field) in fields.Where(field => field.Value is not null).OrderBy(field => field.Key, StringComparer.Ordinal))
                {
                    Text(name, text);
                    Write(field, text);
                }
                text.Append('}');
                break;
            default: text.Append(CultureInfo.InvariantCulture, $"#{Convert.ToDouble(value, CultureInfo.InvariantCulture):R};"); break;
        }
    }

    private static void Text(string value, StringBuilder text) => text.Append(CultureInfo.InvariantCulture, $"s{value.Length}:{value}");
}
