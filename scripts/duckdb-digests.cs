// Reads every data file of a folder with DuckDB and prints a line for each: the number of its rows, a digest of all
// their values, and its path. The tests compare what Zephyr reads with these lines.
//
//     dotnet run scripts/duckdb-digests.cs -- ../shared/data > tests/Zephyr.Tests/Data/Sources/duckdb-digests.txt
//
// A digest is the SHA-256 of the rows, each written as a value and a line feed. A value is n, t or f (null, true, false),
// #number; as a double in its shortest form, sLENGTH:text, [items], or {names and values} in ordinal order of the names;
// a field that is null is left out, as absent and null are one thing in a row.
#:package DuckDB.NET.Data.Full@1.5.6.1
#:property PublishAot=false
#:property ManagePackageVersionsCentrally=false
#:property CentralPackageTransitivePinningEnabled=false
#:property RestorePackagesWithLockFile=false
#:property RestoreLockedMode=false

using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using System.Text.Json;
using DuckDB.NET.Data;

if (args is not [var folder])
{
    Console.Error.WriteLine("usage: dotnet run scripts/duckdb-digests.cs -- FOLDER");
    return 2;
}

using var connection = new DuckDBConnection("DataSource=:memory:");
connection.Open();
var files = Directory.EnumerateFiles(folder, "*", SearchOption.AllDirectories)
    .Where(file => Path.GetExtension(file) is ".parquet" or ".jsonl").Order(StringComparer.Ordinal);
foreach (var file in files)
{
    using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
    var rows = 0;
    foreach (var row in Rows(connection, file))
    {
        rows++;
        using var document = JsonDocument.Parse(row);
        var text = new StringBuilder();
        Write(document.RootElement, text);
        hash.AppendData(Encoding.UTF8.GetBytes(text.Append('\n').ToString()));
    }
    Console.WriteLine($"{rows} {Convert.ToHexStringLower(hash.GetHashAndReset())} {Path.GetRelativePath(folder, file)}");
}
return 0;

static IEnumerable<string> Rows(DuckDBConnection connection, string file)
{
    var path = file.Replace("'", "''");
    using var command = connection.CreateCommand();
    // Types are inferred from all rows and to any depth; structs stay structs. No text looks like the date format, so none becomes a date.
    command.CommandText = "SELECT to_json(rows)::VARCHAR FROM " + (Path.GetExtension(file) == ".parquet"
        ? $"read_parquet('{path}') rows"
        : $"read_json('{path}', format = 'newline_delimited', sample_size = -1, maximum_depth = -1, map_inference_threshold = -1, "
            + "dateformat = '@%Y', timestampformat = '@%Y') rows");
    using var reader = command.ExecuteReader();
    while (reader.Read()) yield return reader.GetString(0);
}

static void Write(JsonElement value, StringBuilder text)
{
    switch (value.ValueKind)
    {
        case JsonValueKind.Object:
            text.Append('{');
            foreach (var field in value.EnumerateObject().Where(field => field.Value.ValueKind != JsonValueKind.Null).OrderBy(field => field.Name, StringComparer.Ordinal))
            {
                Text(field.Name, text);
                Write(field.Value, text);
            }
            text.Append('}');
            break;
        case JsonValueKind.Array:
            text.Append('[');
            foreach (var item in value.EnumerateArray()) Write(item, text);
            text.Append(']');
            break;
        case JsonValueKind.String:
            Text(value.GetString()!, text);
            break;
        case JsonValueKind.Number:
            text.Append(CultureInfo.InvariantCulture, $"#{value.GetDouble():R};");
            break;
        default:
            text.Append(value.ValueKind switch { JsonValueKind.True => 't', JsonValueKind.False => 'f', _ => 'n' });
            break;
    }
}

static void Text(string value, StringBuilder text) => text.Append(CultureInfo.InvariantCulture, $"s{value.Length}:{value}");
