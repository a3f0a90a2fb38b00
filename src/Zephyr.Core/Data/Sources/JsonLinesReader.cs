using System.Text.Json;
using System.Text.Unicode;
using Zephyr.Runtime;

namespace Zephyr.Data.Sources;

/// <summary>Reads JSON Lines: UTF-8, one JSON object a line; blank lines are skipped and a byte order mark is allowed.</summary>
public static class JsonLinesReader
{
    private const string Expected = "one JSON object on the line";

    /// <summary>Two bytes of JSON can ask for a hundred of memory: a row of so many lists, objects and values is none.</summary>
    private const int MostValues = 1_000_000;
    private const string HalfPair = "half a surrogate pair (\\uD800 to \\uDFFF)";

    // A name that stands twice would silently lose its first value.
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>The rows of one file, one line in memory at a time.</summary>
    /// <exception cref="BadRowException">
    /// A line that is not UTF-8, not JSON or not an object, or text that is not Unicode, where bad rows are not left out.
    /// </exception>
    /// <exception cref="UserErrorException">The file is damaged, or has no good row at all.</exception>
    public static IEnumerable<DataRow> Read(RowFile file, ColumnChoice choose, BadRows bad)
    {
        ArgumentNullException.ThrowIfNull(file);
        ArgumentNullException.ThrowIfNull(bad);
        return bad.Kept(Lines(file.Path, (location, root) => ToRow(location, root, choose), LineFile.MaxLineBytes).Take(file.Rows));
    }

    /// <summary>The lines of one file as they are, whatever JSON value each holds.</summary>
    /// <exception cref="BadRowException">A line that is not UTF-8 or not JSON, or text that is not Unicode.</exception>
    internal static IEnumerable<(RowLocation Location, object? Value)> ReadValues(string file, int maxLineBytes = LineFile.MaxLineBytes) =>
        new BadRows(skip: false).Kept(Lines(file, (location, root) => (location, ToValue(location, "", root)), maxLineBytes));

    /// <summary>How many lines of a file are not blank.</summary>
    /// <exception cref="UserErrorException">The file cannot be read.</exception>
    internal static long Count(string file) => LineFile.Read(file).LongCount(line => line is not { } bytes || !IsBlank(bytes.Span));

    private static IEnumerable<RowOutcome<T>> Lines<T>(string file, Func<RowLocation, JsonElement, T> convert, int maxLineBytes)
    {
        long number = 0;
        foreach (var line in LineFile.Read(file, maxLineBytes))
        {
            var location = new RowLocation(file, ++number, IsLine: true);
            if (line is not { } bytes)
                yield return new(default, new BadRowException(location, "", $"a line of more than {maxLineBytes} bytes", "one JSON object a line, each shorter than that"));
            else if (!IsBlank(bytes.Span)) yield return RowOutcome.Of(bytes, read => Parse(location, read, convert));
        }
    }

    private static bool IsBlank(ReadOnlySpan<byte> line) => line.IndexOfAnyExcept(" \t\r"u8) < 0;

    private static T Parse<T>(RowLocation location, ReadOnlyMemory<byte> line, Func<RowLocation, JsonElement, T> convert)
    {
        if (!Utf8.IsValid(line.Span)) throw new BadRowException(location, "", "bytes that are not UTF-8", "UTF-8 text");
        if (HasTooMany(line.Span)) throw new BadRowException(location, "", $"more than {MostValues} values", Expected);
        using var document = ParseJson(location, line);
        return convert(location, document.RootElement);
    }

    private static bool HasTooMany(ReadOnlySpan<byte> line)
    {
        // Each value but the first follows one of these; texts hold them too, so that only where there are many, they are told apart.
        if (line.Count((byte)',') + line.Count((byte)'[') + line.Count((byte)'{') < MostValues) return false;
        var reader = new Utf8JsonReader(line);
        var count = 0;
        try
        {
            while (count <= MostValues && reader.Read())
                if (reader.TokenType is not (JsonTokenType.EndArray or JsonTokenType.EndObject or JsonTokenType.PropertyName)) count++;
        }
        catch (JsonException)
        {
            // It is parsed again, and what is wrong is said then.
        }
        return count > MostValues;
    }

    private static JsonDocument ParseJson(RowLocation location, ReadOnlyMemory<byte> line)
    {
        try
        {
            return JsonDocument.Parse(line, Strict);
        }
        catch (JsonException error) when (error.BytePositionInLine is { } position)
        {
            throw new BadRowException(location, "", $"broken JSON at byte {position}", Expected);
        }
        catch (JsonException error)
        {
            throw new BadRowException(location, "", $"JSON with an error ({error.Message.TrimEnd('.')})", Expected);
        }
        catch (InvalidOperationException)
        {
            // All names are decoded, to find one that stands twice; values are not.
            throw new BadRowException(location, "", $"a field name with {HalfPair}", "Unicode text");
        }
    }

    private static DataRow ToRow(RowLocation location, JsonElement root, ColumnChoice choose)
    {
        if (root.ValueKind != JsonValueKind.Object)
            throw new BadRowException(location, "", $"a JSON {root.ValueKind.ToString().ToLowerInvariant()}", Expected);
        string[] columns = [.. root.EnumerateObject().Select(property => property.Name)];
        var fields = new Dictionary<string, object?>();
        foreach (var column in choose(location, columns))
            if (root.TryGetProperty(column, out var value)) fields[column] = ToValue(location, column, value);
        return new(location, columns, fields);
    }

    private static object? ToValue(RowLocation location, string path, JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.String => Text(location, path, element),
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        JsonValueKind.Number => element.TryGetInt64(out var integer) ? (object)integer : element.GetDouble(),
        JsonValueKind.Array => element.EnumerateArray().Select((item, i) => ToValue(location, $"{path}[{i}]", item)).ToArray(),
        JsonValueKind.Object => ToStruct(location, path, element),
        _ => null,
    };

    private static Dictionary<string, object?> ToStruct(RowLocation location, string path, JsonElement element)
    {
        var fields = new Dictionary<string, object?>();
        foreach (var property in element.EnumerateObject())
            fields.Add(property.Name, ToValue(location, $"{path}.{property.Name}", property.Value));
        return fields;
    }

    private static string Text(RowLocation location, string path, JsonElement element)
    {
        try
        {
            return element.GetString()!;
        }
        catch (InvalidOperationException)
        {
            // The bytes were checked, so it is an escape: half of a surrogate pair.
            throw new BadRowException(location, path, HalfPair, "Unicode text");
        }
    }
}
