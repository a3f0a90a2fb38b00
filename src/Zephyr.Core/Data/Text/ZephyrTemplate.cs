using System.Text;

namespace Zephyr.Data.Text;

/// <summary>A conversation as the model sees it.</summary>
/// <param name="Text">The text.</param>
/// <param name="AssistantSpans">Where in it each assistant turn's content and its <c>&lt;/s&gt;</c> stand: what the assistant has to say.</param>
public sealed record RenderedConversation(string Text, IReadOnlyList<CharSpan> AssistantSpans);

/// <summary>
/// The Zephyr chat template: every turn is its role's tag, a newline, the content, <c>&lt;/s&gt;</c> and a newline. The tags are
/// ordinary text; only <c>&lt;/s&gt;</c> is a mark. Turns of other roles are left out.
/// </summary>
public static class ZephyrTemplate
{
    /// <summary>The same template for other programs (the chat_template of tokenizer_config.json).</summary>
    public const string Jinja =
        """
        {%- for message in messages -%}
        {%- if message['role'] == 'system' -%}
        {{- '<|system|>\n' + message['content'] + eos_token + '\n' -}}
        {%- elif message['role'] == 'user' -%}
        {{- '<|user|>\n' + message['content'] + eos_token + '\n' -}}
        {%- elif message['role'] == 'assistant' -%}
        {{- '<|assistant|>\n' + message['content'] + eos_token + '\n' -}}
        {%- endif -%}
        {%- endfor -%}
        {%- if add_generation_prompt -%}
        {{- '<|assistant|>\n' -}}
        {%- endif -%}
        """;

    /// <summary>What a conversation must have for anything to be written of it, for messages.</summary>
    internal const string KnownTurn = "a turn of system, user or assistant, the roles that the chat template writes";

    /// <summary>Whether turns of this role are written; all others are left out, as by TRL's template.</summary>
    public static bool Knows(string role) => role is ChatMessage.System or ChatMessage.User or ChatMessage.Assistant;

    /// <summary>The text of a conversation.</summary>
    /// <param name="messages">The turns, in order.</param>
    /// <param name="addGenerationPrompt">Whether the tag of an answer to come ends the text.</param>
    public static string Render(IEnumerable<ChatMessage> messages, bool addGenerationPrompt) =>
        Write(messages, addGenerationPrompt, spans: null);

    /// <summary>The text of a conversation and where in it the assistant speaks.</summary>
    public static RenderedConversation RenderWithSpans(IEnumerable<ChatMessage> messages)
    {
        var spans = new List<CharSpan>();
        return new RenderedConversation(Write(messages, addGenerationPrompt: false, spans), spans);
    }

    /// <summary>The turns with an empty system turn in front where they start with another, as the handbook trained it.</summary>
    public static IReadOnlyList<ChatMessage> WithSystemTurn(IReadOnlyList<ChatMessage> messages)
    {
        ArgumentNullException.ThrowIfNull(messages);
        return messages is [{ Role: ChatMessage.System }, ..] ? messages : [new ChatMessage(ChatMessage.System, ""), .. messages];
    }

    private static string Write(IEnumerable<ChatMessage> messages, bool addGenerationPrompt, List<CharSpan>? spans)
    {
        ArgumentNullException.ThrowIfNull(messages);
        var text = new StringBuilder();
        foreach (var (role, content) in messages)
        {
            if (!Knows(role)) continue;
            text.Append("<|").Append(role).Append("|>\n");
            var start = text.Length;
            text.Append(content).Append(MistralTokenizer.Eos);
            if (role == ChatMessage.Assistant) spans?.Add(new CharSpan(start, text.Length));
            text.Append('\n');
        }
        return addGenerationPrompt ? text.Append("<|assistant|>\n").ToString() : text.ToString();
    }
}
