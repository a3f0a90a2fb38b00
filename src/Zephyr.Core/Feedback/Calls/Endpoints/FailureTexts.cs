using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls.Endpoints;

/// <summary>What went wrong with an attempt, in one line that may be written down: of what an endpoint says, the key is taken out and the rest is cut short.</summary>
/// <param name="key">The endpoint's key; null for none.</param>
internal sealed class FailureTexts(string? key)
{
    private const int LongestQuote = 300, LargestBody = 1 << 16;

    /// <summary>A status that is no success.</summary>
    public AttemptFailedException Refused(HttpResponseMessage response, byte[] body, TimeSpan? wait)
    {
        var status = (int)response.StatusCode;
        var (message, code) = ErrorOf(body);
        var reason = $"HTTP {status}{(message.Length > 0 ? $": {message}" : "")}";
        if (status is >= 300 and < 400) return new(FailureKind.Everything, $"HTTP {status}: the address is another one{(response.Headers.Location is { } to ? $", {Clean(to.ToString())}" : "")}: give that as base_url");
        if (wait > RetryRules.LongestAsked) return new(FailureKind.Everything, $"{reason}; it asks to be left alone for {wait:d\\.hh\\:mm\\:ss}");
        return new(response.StatusCode switch
        {
            HttpStatusCode.TooManyRequests when code is "insufficient_quota" or "billing_hard_limit_reached" => FailureKind.Everything,
            HttpStatusCode.RequestTimeout or HttpStatusCode.TooManyRequests or (HttpStatusCode)425 or >= HttpStatusCode.InternalServerError => FailureKind.Passing,
            HttpStatusCode.Forbidden => FailureKind.Forbidden,
            HttpStatusCode.Unauthorized or HttpStatusCode.PaymentRequired or HttpStatusCode.NotFound or HttpStatusCode.MethodNotAllowed => FailureKind.Everything,
            _ => FailureKind.Final,
        }, reason, wait);
    }

    /// <summary>A success that holds no answer.</summary>
    public AttemptFailedException NoAnswer(byte[] body)
    {
        var text = Quote(Beginning(body));
        return new(FailureKind.Passing, $"HTTP 200 without an answer: found {(text.Length == 0 ? "nothing" : text)}, expected JSON with choices[0].message.content");
    }

    /// <summary>No connection, or one that ended before the answer did.</summary>
    public AttemptFailedException Broken(Exception failure)
    {
        if (failure is HttpRequestException { HttpRequestError: HttpRequestError.ConfigurationLimitExceeded }) return new(FailureKind.Final, "the answer has no end");
        var cause = failure.GetBaseException();
        return new(FailureKind.Passing, failure switch
        {
            _ when cause is SocketException { SocketErrorCode: SocketError.ConnectionRefused } => "nothing listens at the address (connection refused)",
            HttpRequestException { HttpRequestError: HttpRequestError.NameResolutionError } => "the name of the address is not known",
            HttpRequestException { HttpRequestError: HttpRequestError.SecureConnectionError } => $"no secure connection: {Clean(cause.Message)}",
            HttpRequestException { HttpRequestError: HttpRequestError.ConnectionError } => $"no connection: {Clean(cause.Message)}",
            _ => $"the connection ended before the answer did: {Clean(cause.Message)}",
        });
    }

    /// <summary>A text of somebody else's without the key.</summary>
    public string Mask(string text) => Secrets.Mask(key is null ? text : text.Replace(key, "***", StringComparison.Ordinal));

    /// <summary>The message and code of an error in OpenAI's form, or one of those that others have; otherwise the text itself.</summary>
    private (string Message, string? Code) ErrorOf(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var error = document.RootElement;
            if (error.ValueKind == JsonValueKind.Object && error.TryGetProperty("error", out var inner)) error = inner;
            if (error.ValueKind == JsonValueKind.String) return (Clean(error.GetString()!), null);
            if (error.ValueKind == JsonValueKind.Object)
                foreach (var name in new[] { "message", "detail" })
                    if (error.TryGetProperty(name, out var text) && text.ValueKind == JsonValueKind.String)
                        return (Clean(text.GetString()!), error.TryGetProperty("code", out var code) && code.ValueKind == JsonValueKind.String ? code.GetString() : null);
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            // Not JSON: a page of a proxy's.
        }
        return (Clean(Beginning(body)), null);
    }

    private static string Beginning(byte[] body) => Encoding.UTF8.GetString(body.AsSpan(0, Math.Min(body.Length, LargestBody)));

    private string Quote(string text) => Clean(text) is { Length: > 0 } cleaned ? $"\"{cleaned}\"" : "";

    private string Clean(string text)
    {
        var line = Mask(string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c))).Trim();
        return line.Length <= LongestQuote ? line : line[..LongestQuote] + "...";
    }
}
