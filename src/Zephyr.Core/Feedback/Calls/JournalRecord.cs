using System.Globalization;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Zephyr.Feedback.Calls;

/// <summary>One line of a journal: a call and what became of it.</summary>
/// <param name="Key">The call (<see cref="CallKey"/>).</param>
/// <param name="Purpose">What it was for.</param>
/// <param name="Model">The model's name in the pool.</param>
/// <param name="Answer">What became of it.</param>
/// <param name="Cost">What it cost by the prices of that day.</param>
internal sealed record JournalRecord(UInt128 Key, string Purpose, string Model, CallAnswer Answer, decimal Cost)
{
    // Escapes only what JSON demands: a person may want to read it.
    private static readonly JsonWriterOptions Readable = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>Writes the line with its end. What is at its default is left out.</summary>
    public void Write(Stream stream)
    {
        using (var json = new Utf8JsonWriter(stream, Readable))
        {
            json.WriteStartObject();
            json.WriteString("key", CallKey.Text(Key));
            json.WriteString("purpose", Purpose);
            json.WriteString("model", Model);
            if (Answer.Failure is { } failure) json.WriteString("failure", failure);
            else json.WriteString("text", Answer.Text);
            if (Answer.Transient) json.WriteBoolean("transient", true);
            if (Answer.FinishReason is { } finish) json.WriteString("finish_reason", finish);
            json.WriteNumber("prompt_tokens", Answer.PromptTokens);
            json.WriteNumber("completion_tokens", Answer.CompletionTokens);
            if (Answer.TokensEstimated) json.WriteBoolean("tokens_estimated", true);
            if (Answer.Attempts != 1) json.WriteNumber("attempts", Answer.Attempts);
            json.WriteNumber("cost", Cost);
            json.WriteEndObject();
        }
        stream.WriteByte((byte)'\n');
    }

    /// <summary>Reads a line, or null where it is none that was written whole.</summary>
    public static JournalRecord? Read(ReadOnlyMemory<byte> line)
    {
        try
        {
            using var document = JsonDocument.Parse(line);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || Text(root, "key") is not { Length: 32 } hex
                || !UInt128.TryParse(hex, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out var key)) return null;
            var (text, failure) = (Text(root, "text"), Text(root, "failure"));
            if (text is null == failure is null || Text(root, "purpose") is not { } purpose || Text(root, "model") is not { } model) return null;
            return new(key, purpose, model, new(text, failure, Text(root, "finish_reason"), root.GetProperty("prompt_tokens").GetInt64(), root.GetProperty("completion_tokens").GetInt64())
            {
                Transient = Flag(root, "transient"),
                TokensEstimated = Flag(root, "tokens_estimated"),
                Attempts = root.TryGetProperty("attempts", out var attempts) ? attempts.GetInt32() : 1,
            }, root.GetProperty("cost").GetDecimal());
        }
        catch (Exception broken) when (broken is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }

    private static string? Text(JsonElement root, string name) =>
        root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.String ? value.GetString() : null;

    private static bool Flag(JsonElement root, string name) => root.TryGetProperty(name, out var value) && value.ValueKind == JsonValueKind.True;
}
