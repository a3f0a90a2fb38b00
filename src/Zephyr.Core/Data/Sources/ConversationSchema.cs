using Zephyr.Data.Text;
using static Zephyr.Data.Sources.FieldReader;

namespace Zephyr.Data.Sources;

/// <summary>Rows that are dialogues, for SFT: ultrachat_200k's and ultrafeedback_binarized's <c>messages</c>, and older forms; or plain <c>text</c>.</summary>
public static class ConversationSchema
{
    private static readonly RowShapes<Conversation> Shapes = new(
        new("messages [{role, content}]", ["messages"], [],
            row => Checked(row, "messages", Messages(row.Location, "messages", row["messages"]))),
        new("conversations [{from, value}]", ["conversations"], [], ShareGpt),
        new("prompt + completion", ["prompt", "completion"], [], PromptCompletion),
        new("data [text] (raw UltraChat)", ["data"], [], UltraChat),
        new("text (learnt as it stands)", ["text"], [], PlainText));

    /// <summary>
    /// Streams the conversations of files. Each has at least one assistant turn, and a user turn where it has one of a role that the template leaves out;
    /// or it is a text.
    /// </summary>
    /// <exception cref="Zephyr.Runtime.UserErrorException">A file or a row that cannot be used.</exception>
    public static IEnumerable<Conversation> Read(RowSource source) => Shapes.Read(source);

    /// <inheritdoc cref="Read(RowSource)"/>
    public static IEnumerable<Conversation> Read(IReadOnlyList<string> files) => Shapes.Read(files);

    /// <summary>The conversation of one row.</summary>
    /// <exception cref="BadRowException">The row does not hold one.</exception>
    public static Conversation Parse(DataRow row) => Shapes.Parse(row);

    private static Conversation Checked(DataRow row, string field, IReadOnlyList<ChatMessage> messages)
    {
        if (!messages.Any(message => message.Role == ChatMessage.Assistant))
            throw new BadRowException(row.Location, field, $"the roles {Conversation.RolesOf(messages)}", "an assistant turn to learn from");
        // The template leaves out roles that it does not know: an answer would be learnt without its question.
        if (messages.Any(message => !ZephyrTemplate.Knows(message.Role)) && !messages.Any(message => message.Role == ChatMessage.User))
            throw new BadRowException(row.Location, field, $"the roles {Conversation.RolesOf(messages)}",
                "a user turn: the chat template writes system, user and assistant only");
        return new(row.Location, messages);
    }

    private static Conversation PromptCompletion(DataRow row) => Checked(row, "completion",
    [
        .. MessagesOrText(row.Location, "prompt", row["prompt"], ChatMessage.User),
        .. MessagesOrText(row.Location, "completion", row["completion"], ChatMessage.Assistant),
    ]);

    /// <summary>Raw UltraChat: the user speaks first and the turns alternate.</summary>
    private static Conversation UltraChat(DataRow row)
    {
        var turns = List(row.Location, "data", row["data"], "a list of texts, the user's first");
        return Checked(row, "data", [.. turns.Select((turn, i) =>
            new ChatMessage(i % 2 == 0 ? ChatMessage.User : ChatMessage.Assistant, TextOf(row.Location, $"data[{i}]", turn)))]);
    }

    private static Conversation PlainText(DataRow row) => TextOf(row.Location, "text", row["text"]) is { Length: > 0 } text
        ? new(row.Location, [], text)
        : throw new BadRowException(row.Location, "text", "an empty text", "a text to learn from");

    private static Conversation ShareGpt(DataRow row)
    {
        var turns = List(row.Location, "conversations", row["conversations"], "a list of {from, value} messages");
        return Checked(row, "conversations", [.. turns.Select((turn, i) => ShareGptTurn(row.Location, $"conversations[{i}]", turn))]);
    }

    private static ChatMessage ShareGptTurn(RowLocation location, string path, object? turn)
    {
        var fields = Struct(location, path, turn, "a message {from, value}");
        var from = Member(location, path, fields, "from");
        var role = from switch
        {
            "human" or ChatMessage.User => ChatMessage.User,
            "gpt" or ChatMessage.Assistant => ChatMessage.Assistant,
            ChatMessage.System => ChatMessage.System,
            _ => throw Bad(location, $"{path}.from", from, "human, gpt or system"),
        };
        return new(role, Member(location, path, fields, "value"));
    }
}
