using System.Text.Json;
using Zephyr.Data;

namespace Zephyr.Serving.Http;

/// <summary>POST /v1/chat/completions.</summary>
internal static class ChatRequest
{
    private const int MostTurns = 4096, MostLogProbs = 20;

    public static ApiRequest Read(RequestReader reader, RequestFields fields)
    {
        RefuseWhatIsNotDone(fields);
        var messages = Messages(fields);
        var common = SamplingFields.Read(fields, MaxTokens(fields));
        var sampling = common.Sampling with { TopLogProbs = LogProbs(fields) };
        var request = TextRequest.OfConversation(reader.Service.Tokenizer, messages, sampling, reader.AddSystemTurn) with
        {
            Choices = common.Choices,
            Seed = common.Seed,
            Stop = common.Stop,
        };
        return new([request], common.Stream, common.IncludeUsage, new ChatForm(reader.Service.Tokenizer));
    }

    /// <summary>The new name or the old one. More than there is room for ends in finish_reason "length", as any other limit does.</summary>
    private static int MaxTokens(RequestFields fields)
    {
        var (current, old) = (fields.Whole("max_completion_tokens", 1, long.MaxValue), fields.Whole("max_tokens", 1, long.MaxValue));
        if (current is not null && old is not null && current != old)
            throw new ApiError(400, "max_tokens: differs from max_completion_tokens, its newer name; give one of them", param: "max_tokens");
        return (int)Math.Min(int.MaxValue, current ?? old ?? int.MaxValue);
    }

    private static int? LogProbs(RequestFields fields)
    {
        var (wanted, top) = (fields.Flag("logprobs"), fields.Whole("top_logprobs", 0, MostLogProbs));
        if (top is not null && !wanted) throw new ApiError(400, "top_logprobs: goes with logprobs: true", param: "top_logprobs");
        return wanted ? (int)(top ?? 0) : null;
    }

    private static void RefuseWhatIsNotDone(RequestFields fields)
    {
        fields.Ignore("parallel_tool_calls", "prediction");
        fields.Refuse("tools", IsEmpty, "tools are not supported");
        fields.Refuse("functions", IsEmpty, "functions are not supported");
        fields.Refuse("tool_choice", value => Is(value, "none") || Is(value, "auto"), "tools are not supported");
        fields.Refuse("function_call", value => Is(value, "none") || Is(value, "auto"), "functions are not supported");
        fields.Refuse("response_format", value => value.ValueKind == JsonValueKind.Object && value.TryGetProperty("type", out var type) && Is(type, "text"),
            "only {\"type\": \"text\"} is supported: the model cannot be held to a JSON format");
        fields.Refuse("modalities", value => value.ValueKind == JsonValueKind.Array && value.EnumerateArray().All(one => Is(one, "text")), "only text is supported");
        fields.Refuse("reasoning_effort", value => Is(value, "none"), "the model does not reason apart from its answer");
    }

    private static bool IsEmpty(JsonElement value) => value.ValueKind == JsonValueKind.Array && value.GetArrayLength() == 0;

    private static bool Is(JsonElement value, string text) => value.ValueKind == JsonValueKind.String && value.ValueEquals(text);

    private static List<ChatMessage> Messages(RequestFields fields)
    {
        if (fields.Find("messages") is not { } value) throw new ApiError(400, "messages: found nothing, expected a list of {role, content}", param: "messages");
        if (value.ValueKind != JsonValueKind.Array || value.GetArrayLength() is 0 or > MostTurns)
            throw fields.Wrong("messages", value, $"a list of 1 to {MostTurns} {{role, content}}");
        return [.. value.EnumerateArray().Select(Message)];
    }

    private static ChatMessage Message(JsonElement json, int index)
    {
        var path = $"messages[{index}]";
        if (json.ValueKind != JsonValueKind.Object) throw ApiError.Of(path, RequestFields.Found(json), "an object {role, content}");
        var fields = new RequestFields(json, path + ".");
        var role = fields.Text("role") switch
        {
            // OpenAI's newer name for what the template calls system.
            "developer" => ChatMessage.System,
            var known and (ChatMessage.System or ChatMessage.User or ChatMessage.Assistant) => known,
            "tool" or "function" => throw ApiError.Of(path + ".role", "the turn of a tool", "system, developer, user or assistant, the turns that the chat template writes"),
            null => throw ApiError.Of(path + ".role", "nothing", "system, developer, user or assistant"),
            _ => throw ApiError.Of(path + ".role", "another", "system, developer, user or assistant, the turns that the chat template writes"),
        };
        foreach (var name in (string[])["tool_calls", "annotations"]) fields.Refuse(name, IsEmpty, "only turns of text are supported");
        foreach (var name in (string[])["name", "refusal", "audio", "function_call"]) fields.Refuse(name, _ => false, "the chat template has no place for it");
        var content = Content(fields, path);
        fields.RefuseOthers();
        return new(role, content);
    }

    private static string Content(RequestFields fields, string path)
    {
        const string Expected = "a text or a list of {\"type\": \"text\", \"text\": ...}";
        if (fields.Find("content") is not { } value) throw ApiError.Of(path + ".content", "nothing", Expected);
        if (value.ValueKind == JsonValueKind.String) return value.GetString()!;
        if (value.ValueKind != JsonValueKind.Array) throw fields.Wrong("content", value, Expected);
        return string.Concat(value.EnumerateArray().Select((part, i) =>
        {
            if (part.ValueKind != JsonValueKind.Object) throw fields.Wrong($"content[{i}]", part, "an object {type, text}");
            var inner = new RequestFields(part, $"{path}.content[{i}].");
            inner.Refuse("type", type => Is(type, "text"), "only parts of type text are supported");
            var text = inner.Text("text") ?? throw ApiError.Of($"{path}.content[{i}].text", "nothing", "a text");
            inner.RefuseOthers();
            return text;
        }));
    }
}
