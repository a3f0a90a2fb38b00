using System.Text.Encodings.Web;
using System.Text.Json;

namespace Zephyr.Cli.Rendering;

/// <summary>A result as exactly one JSON document on stdout.</summary>
internal static class JsonResult
{
    private static readonly JsonSerializerOptions Layout = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public static void Write<T>(TextWriter output, T result) => output.WriteLine(JsonSerializer.Serialize(result, Layout));
}
