using System.Buffers;
using System.Text.Json;

namespace Zephyr.Feedback.Calls.Endpoints;

/// <summary>What counts of an endpoint's answer (chat.completion).</summary>
/// <param name="Text">choices[0].message.content; empty where it is null, or left out by a model that has ended (finish_reason) without a word.</param>
/// <param name="FinishReason">As the endpoint wrote it.</param>
/// <param name="PromptTokens">usage.prompt_tokens.</param>
/// <param name="CompletionTokens">usage.completion_tokens.</param>
/// <param name="Counted">Whether both were there.</param>
internal sealed record AnswerBody(string Text, string? FinishReason, long PromptTokens, long CompletionTokens, bool Counted)
{
    /// <summary>Reads a body; null where it is no answer.</summary>
    public static AnswerBody? Read(byte[] body)
    {
        try
        {
            using var document = JsonDocument.Parse(body);
            var root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || Member(root, "choices") is not { ValueKind: JsonValueKind.Array } choices || choices.GetArrayLength() == 0) return null;
            var choice = choices[0];
            if (choice.ValueKind != JsonValueKind.Object || Member(choice, "message") is not { ValueKind: JsonValueKind.Object } message) return null;
            var finish = Member(choice, "finish_reason") is { ValueKind: JsonValueKind.String } reason ? reason.GetString() : null;
            if ((Member(message, "content") is { } content ? TextOf(content) : finish is null ? null : "") is not { } text) return null;
            var usage = Member(root, "usage");
            var (prompt, completion) = (Count(usage, "prompt_tokens"), Count(usage, "completion_tokens"));
            return new(text, finish, prompt ?? 0, completion ?? 0, prompt is not null && completion is not null);
        }
        catch (Exception broken) when (broken is JsonException or InvalidOperationException)
        {
            // No JSON, or a text that is no Unicode.
            return null;
        }
    }

    /// <summary>The same in the form that every version of the client reads: servers have finish reasons and fields of their own.</summary>
    public byte[] ToJson()
    {
        var buffer = new ArrayBufferWriter<byte>();
        using (var json = new Utf8JsonWriter(buffer))
        {
            json.WriteStartObject();
            json.WriteString("id", "");
            json.WriteString("object", "chat.completion");
            json.WriteNumber("created", 0);
            json.WriteString("model", "");
            json.WriteStartArray("choices");
            json.WriteStartObject();
            json.WriteNumber("index", 0);
            json.WriteStartObject("message");
            json.WriteString("role", "assistant");
            json.WriteString("content", Text);
            json.WriteEndObject();
            json.WriteString("finish_reason", FinishReason == "length" ? "length" : "stop");
            json.WriteEndObject();
            json.WriteEndArray();
            json.WriteStartObject("usage");
            // The client counts in 32 bits.
            json.WriteNumber("prompt_tokens", Math.Min(PromptTokens, int.MaxValue / 2));
            json.WriteNumber("completion_tokens", Math.Min(CompletionTokens, int.MaxValue / 2));
            json.WriteNumber("total_tokens", Math.Min(PromptTokens, int.MaxValue / 2) + Math.Min(CompletionTokens, int.MaxValue / 2));
            json.WriteEndObject();
            json.WriteEndObject();
        }
        return buffer.WrittenSpan.ToArray();
    }

    private static JsonElement? Member(JsonElement element, string name) => element.TryGetProperty(name, out var value) ? value : null;

    private static long? Count(JsonElement? usage, string name) =>
        usage is { ValueKind: JsonValueKind.Object } counts && Member(counts, name) is { ValueKind: JsonValueKind.Number } number && number.TryGetInt64(out var count) && count >= 0
            ? count : null;

    /// <summary>A text, or the texts of a list of parts; null for content of another kind.</summary>
    private static string? TextOf(JsonElement content) => content.ValueKind switch
    {
        JsonValueKind.Null => "",
        JsonValueKind.String => content.GetString(),
        JsonValueKind.Array when content.EnumerateArray().All(part => part.ValueKind == JsonValueKind.Object) => string.Concat(content.EnumerateArray()
            .Select(part => Member(part, "text")).OfType<JsonElement>().Where(text => text.ValueKind == JsonValueKind.String).Select(text => text.GetString())),
        _ => null,
    };
}
