using System.Runtime.CompilerServices;
using System.Text;
using Microsoft.Extensions.AI;
using Zephyr.Data.Text;
using Zephyr.Model.Generation;
using Zephyr.Runtime;
using Turn = Zephyr.Data.ChatMessage;

namespace Zephyr.Serving;

/// <summary>
/// A local model as any other chat model. Calls that are under way at the same time are answered in one batch, each with the text it would have by itself. An option
/// that the model cannot follow is refused, never left out: tools, a response format other than text, content that is not text.
/// </summary>
/// <param name="service">The model; stays the caller's.</param>
/// <param name="name">How it is called, in answers and metadata.</param>
/// <param name="addSystemTurn">An empty system turn goes in front of a conversation that has none, as the handbook trained it.</param>
public sealed class LocalChatClient(GenerationService service, string name, bool addSystemTurn = false) : IChatClient
{
    private readonly ChatClientMetadata _metadata = new("zephyr", null, name);

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">An option or a message asks for what the model cannot do.</exception>
    /// <exception cref="UserErrorException">The conversation is too long (<see cref="PromptTooLongException"/>), or an option is out of range.</exception>
    /// <exception cref="RunFailedException">The model failed, or is shutting down.</exception>
    public async Task<ChatResponse> GetResponseAsync(IEnumerable<ChatMessage> messages, ChatOptions? options = null, CancellationToken cancellationToken = default)
    {
        var request = RequestOf(messages, options);
        var text = new StringBuilder();
        AnswerPart? last = null;
        await foreach (var part in service.Answer(request, cancellationToken).ConfigureAwait(false))
        {
            text.Append(part.Text);
            last = part;
        }
        return new(new ChatMessage(ChatRole.Assistant, text.ToString()))
        {
            ModelId = name,
            FinishReason = ReasonOf(last!.End!.Value),
            Usage = UsageOf(request, last),
        };
    }

    /// <inheritdoc/>
    /// <exception cref="NotSupportedException">As for <see cref="GetResponseAsync"/>, as all others.</exception>
    public async IAsyncEnumerable<ChatResponseUpdate> GetStreamingResponseAsync(
        IEnumerable<ChatMessage> messages, ChatOptions? options = null, [EnumeratorCancellation] CancellationToken cancellationToken = default)
    {
        var request = RequestOf(messages, options);
        await foreach (var part in service.Answer(request, cancellationToken).ConfigureAwait(false))
        {
            var update = new ChatResponseUpdate(ChatRole.Assistant, part.Text) { ModelId = name };
            if (part.End is { } end)
            {
                update.FinishReason = ReasonOf(end);
                update.Contents.Add(new UsageContent(UsageOf(request, part)));
            }
            yield return update;
        }
    }

    /// <inheritdoc/>
    public object? GetService(Type serviceType, object? serviceKey = null)
    {
        ArgumentNullException.ThrowIfNull(serviceType);
        if (serviceKey is not null) return null;
        return serviceType == typeof(ChatClientMetadata) ? _metadata : serviceType.IsInstanceOfType(this) ? this : serviceType.IsInstanceOfType(service) ? service : null;
    }

    /// <summary>Nothing is its own.</summary>
    public void Dispose() { }

    /// <summary>The request that a call is, checked.</summary>
    private TextRequest RequestOf(IEnumerable<ChatMessage> messages, ChatOptions? options)
    {
        options ??= new();
        if (options.Tools is { Count: > 0 }) throw new NotSupportedException("a local model calls no tools");
        if (options.ResponseFormat is not (null or ChatResponseFormatText))
            throw new NotSupportedException("a local model cannot be held to a JSON format: ask in words, and read the answer with tolerance");
        if (options.ConversationId is not null) throw new NotSupportedException("a local model keeps no conversations: send all turns");
        if (options.Reasoning is { Effort: not (null or ReasoningEffort.None) }) throw new NotSupportedException("a local model does not reason apart from its answer");
        List<Turn> turns = [.. messages.Select(TurnOf)];
        if (options.Instructions is { Length: > 0 } instructions) turns.Insert(0, new(Turn.System, instructions));
        if (turns.Count == 0) throw new UserErrorException("the conversation has no turns");
        var sampling = new SamplingOptions(
            Range("temperature", options.Temperature ?? 1, 0, 1e6), Range("top_p", options.TopP ?? 1, double.Epsilon, 1),
            (int)Range("top_k", options.TopK ?? 0, 0, int.MaxValue), (int)Range("max_output_tokens", options.MaxOutputTokens ?? service.Room, 1, int.MaxValue))
        {
            PresencePenalty = Range("presence_penalty", options.PresencePenalty ?? 0, -2, 2),
            FrequencyPenalty = Range("frequency_penalty", options.FrequencyPenalty ?? 0, -2, 2),
        };
        var stops = options.StopSequences?.ToList() ?? [];
        if (stops.Contains("")) throw new UserErrorException("stop: found an empty text, expected some");
        return TextRequest.OfConversation(service.Tokenizer, turns, sampling, addSystemTurn) with { Seed = options.Seed, Stop = stops };
    }

    /// <summary>Floats as they were written: 0.7f is not 0.7, and who asks for 0.7 by another way wants the same draws.</summary>
    private static double Range(string option, double value, double least, double most)
    {
        if (!(value >= least && value <= most)) throw new UserErrorException($"{option}: found {value}, expected a number from {least} to {most}");
        return Math.Abs(value) < 1e7 && (float)value == value ? (double)(decimal)(float)value : value;
    }

    private static Turn TurnOf(ChatMessage message)
    {
        if (!ZephyrTemplate.Knows(message.Role.Value)) throw new NotSupportedException($"a turn of the role {message.Role.Value}: expected {ZephyrTemplate.KnownTurn}");
        if (message.Contents.FirstOrDefault(content => content is not TextContent) is { } other)
            throw new NotSupportedException($"a local model reads text only, found {other.GetType().Name}");
        return new(message.Role.Value, message.Text);
    }

    private static ChatFinishReason ReasonOf(AnswerEnd end) => end == AnswerEnd.Length ? ChatFinishReason.Length : ChatFinishReason.Stop;

    private static UsageDetails UsageOf(TextRequest request, AnswerPart last) => new()
    {
        InputTokenCount = request.PromptIds.Length,
        OutputTokenCount = last.CompletionTokens,
        TotalTokenCount = request.PromptIds.Length + last.CompletionTokens,
    };
}
