using System.Text.Json;

namespace Zephyr.Serving.Http;

/// <summary>A request that is refused or failed, in OpenAI's shape.</summary>
/// <param name="status">HTTP's status.</param>
/// <param name="message">One sentence.</param>
/// <param name="type">OpenAI's kind of error.</param>
/// <param name="param">The field that is wrong; null where it is none.</param>
/// <param name="code">OpenAI's code; null where there is none.</param>
internal sealed class ApiError(int status, string message, string type = ApiError.InvalidRequest, string? param = null, string? code = null) : Exception(message)
{
    public const string InvalidRequest = "invalid_request_error", ServerError = "server_error";

    public int Status => status;

    /// <summary>Seconds after which it may be tried again; null where that would not help.</summary>
    public int? RetryAfter { get; init; }

    /// <summary>The methods that would be answered, for a 405.</summary>
    public string? Allow { get; init; }

    public static ApiError Of(string field, string found, string expected) => new(400, $"{field}: found {found}, expected {expected}", param: field);

    public static ApiError Unsupported(string field, string why) => new(400, $"{field}: {why}", param: field, code: "unsupported_parameter");

    /// <summary>{"error": {...}}</summary>
    public void Write(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteStartObject("error");
        json.WriteString("message", Message);
        json.WriteString("type", type);
        json.WriteString("param", param);
        json.WriteString("code", code);
        json.WriteEndObject();
        json.WriteEndObject();
    }
}
