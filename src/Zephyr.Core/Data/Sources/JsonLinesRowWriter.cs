using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Zephyr.Data.Sources;

/// <summary>Writes rows as JSON Lines: UTF-8, one object a line, the columns in their order.</summary>
public sealed class JsonLinesRowWriter(string path) : IRowWriter
{
    // Escapes only what JSON demands: the file is for people to read, and never stands in a web page.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly FileStream _stream = new(path, FileMode.Create, FileAccess.Write, FileShare.None, 1 << 16);

    /// <inheritdoc/>
    public void Add(DataRow row)
    {
        ArgumentNullException.ThrowIfNull(row);
        using (var json = new Utf8JsonWriter(_stream, Readable))
        {
            json.WriteStartObject();
            foreach (var column in row.Columns.Where(row.Fields.ContainsKey))
            {
                json.WritePropertyName(column);
                Write(json, row.Fields[column]);
            }
            json.WriteEndObject();
        }
        _stream.WriteByte((byte)'\n');
    }

    /// <inheritdoc/>
    public void Complete() => _stream.Flush(flushToDisk: true);

    /// <inheritdoc/>
    public void Dispose() => _stream.Dispose();

    private static void Write(Utf8JsonWriter json, object? value)
    {
        switch (value)
        {
            case null: json.WriteNullValue(); break;
            case string text: json.WriteStringValue(text); break;
            case bool flag: json.WriteBooleanValue(flag); break;
            case long whole: json.WriteNumberValue(whole); break;
            case double number: WriteNumber(json, number); break;
            case IReadOnlyList<object?> list:
                json.WriteStartArray();
                foreach (var item in list) Write(json, item);
                json.WriteEndArray();
                break;
            case IReadOnlyDictionary<string, object?> fields:
                json.WriteStartObject();
                foreach (var (name, field) in fields)
                {
                    json.WritePropertyName(name);
                    Write(json, field);
                }
                json.WriteEndObject();
                break;
            default: throw new NotSupportedException($"a row cannot hold {value.GetType()}");
        }
    }

    /// <summary>With a decimal point always, so that it is read as what it is; JSON has no infinity and no NaN.</summary>
    private static void WriteNumber(Utf8JsonWriter json, double number)
    {
        if (!double.IsFinite(number))
        {
            json.WriteNullValue();
            return;
        }
        var text = number.ToString("R", CultureInfo.InvariantCulture);
        json.WriteRawValue(text.AsSpan().IndexOfAny('.', 'E') < 0 ? text + ".0" : text);
    }
}
