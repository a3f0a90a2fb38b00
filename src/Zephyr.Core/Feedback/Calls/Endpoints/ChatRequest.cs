using System.Text.Json;
using Microsoft.Extensions.AI;
using OpenAI.Chat;
using Zephyr.Configuration;

namespace Zephyr.Feedback.Calls.Endpoints;

/// <summary>A call in the words of Microsoft.Extensions.AI.</summary>
internal static class ChatRequest
{
    /// <summary>The conversation.</summary>
    public static List<Microsoft.Extensions.AI.ChatMessage> MessagesOf(ModelCall call) =>
        [.. call.Messages.Select(message => new Microsoft.Extensions.AI.ChatMessage(new ChatRole(message.Role), message.Content))];

    /// <summary>How it is to be answered.</summary>
    /// <param name="call">The call.</param>
    /// <param name="options">What the model knows.</param>
    public static ChatOptions OptionsOf(ModelCall call, EndpointOptions options)
    {
        var asked = call.Options;
        var request = new ChatOptions
        {
            Temperature = (float)asked.Temperature,
            TopP = (float)asked.TopP,
            MaxOutputTokens = asked.MaxNewTokens,
            Seed = options.SupportsSeed ? asked.Seed : null,
        };
        if (options.SupportsJsonSchema && asked.JsonSchema is { } schema)
        {
            using var document = JsonDocument.Parse(schema);
            request.ResponseFormat = Microsoft.Extensions.AI.ChatResponseFormat.ForJsonSchema(document.RootElement.Clone(), "answer");
            request.AdditionalProperties = new() { ["strict"] = true };
        }
        if (options.BaseUrl is not null && EndpointClient.MaxTokensFieldOf(options) == "max_tokens")
        {
            request.MaxOutputTokens = null;
            request.RawRepresentationFactory = _ => WithMaxTokens(asked.MaxNewTokens);
        }
        return request;
    }

    /// <summary>The client writes the bound under its new name only.</summary>
    private static ChatCompletionOptions WithMaxTokens(int tokens)
    {
        var raw = new ChatCompletionOptions();
#pragma warning disable SCME0001 // The patch of a request's JSON is marked as experimental; there is no other way to a field that the client has no property for.
        raw.Patch.Set("$.max_tokens"u8, tokens);
#pragma warning restore SCME0001
        return raw;
    }
}
