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

    /// <summary>Refuses a file that cannot be written for want of a folder, before the work whose result it is to hold.</summary>
    /// <param name="key">The option that names it.</param>
    /// <param name="path">The file; null for none.</param>
    /// <exception cref="UserErrorException">There is no such folder, or a folder has that name.</exception>
    public static void RequireFolderOf(string key, string? path)
    {
        if (path is null) return;
        if (Directory.Exists(path)) throw new UserErrorException($"{key} {path}: found a folder, expected the name of a file");
        var folder = Path.GetDirectoryName(Path.GetFullPath(path))!;
        if (!Directory.Exists(folder)) throw new UserErrorException($"{key} {path}: there is no folder {folder}, expected one that is there");
    }

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
