using System.Text.Encodings.Web;
using System.Text.Json;
using System.Text.Json.Serialization;
using Zephyr.Runtime;

namespace Zephyr.Cli.Rendering;

/// <summary>A result as exactly one JSON document on stdout, or in a file beside.</summary>
internal static class JsonResult
{
    private static readonly JsonSerializerOptions Layout = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
        // A figure that does not exist (nothing to divide by) is null: JSON has no NaN.
        Converters = { new Finite() },
    };

    public static void Write<T>(TextWriter output, T result) => output.WriteLine(JsonSerializer.Serialize(result, Layout));

    /// <summary>The document as text.</summary>
    public static string TextOf(object result) => JsonSerializer.Serialize(result, Layout) + "\n";

    /// <summary>A whole file of one document.</summary>
    /// <exception cref="UserErrorException">It cannot be written.</exception>
    public static void WriteFile<T>(string path, T result) => Write(path, TextOf(result!));

    /// <summary>A whole file of a document a line.</summary>
    /// <inheritdoc cref="WriteFile"/>
    public static void WriteLines(string path, IEnumerable<object> rows) => Write(path, string.Concat(rows.Select(row => JsonSerializer.Serialize(row, Layout) + "\n")));

    private static void Write(string path, string text)
    {
        try
        {
            WholeFile.Write(path, text);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"{path}: cannot be written: {error.Message}", error);
        }
    }

    private sealed class Finite : JsonConverter<double>
    {
        public override double Read(ref Utf8JsonReader reader, Type typeToConvert, JsonSerializerOptions options) => reader.GetDouble();

        public override void Write(Utf8JsonWriter writer, double value, JsonSerializerOptions options)
        {
            if (double.IsFinite(value)) writer.WriteNumberValue(value);
            else writer.WriteNullValue();
        }
    }
}
