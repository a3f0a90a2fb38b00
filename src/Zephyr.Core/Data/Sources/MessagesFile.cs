using Zephyr.Data.Text;
using Zephyr.Runtime;
using static Zephyr.Data.Sources.FieldReader;

namespace Zephyr.Data.Sources;

/// <summary>Conversations to be continued or looked at, one a line: a list of {role, content}, or an object with such a list as messages.</summary>
public static class MessagesFile
{
    private const string Expected = "a list of {role, content} messages, or an object with messages";

    /// <summary>The conversations of a JSON Lines file. Unlike training rows they need no assistant turn.</summary>
    /// <exception cref="BadRowException">A line holds no conversation, or none with a turn that the chat template writes.</exception>
    /// <exception cref="UserErrorException">The file cannot be opened, or has no line.</exception>
    public static IEnumerable<Conversation> Read(string file)
    {
        var any = false;
        foreach (var (location, value) in JsonLinesReader.ReadValues(file))
        {
            any = true;
            yield return Parse(location, value);
        }
        if (!any) throw new UserErrorException($"{file}: found no conversation, expected at least one line with {Expected}");
    }

    private static Conversation Parse(RowLocation location, object? value)
    {
        var messages = value switch
        {
            IReadOnlyList<object?> => Messages(location, "messages", value),
            IReadOnlyDictionary<string, object?> fields when fields.TryGetValue("messages", out var list) => Messages(location, "messages", list),
            IReadOnlyDictionary<string, object?> fields => throw new BadRowException(location, "", $"the columns {DataRow.JoinNames(fields.Keys)}", Expected),
            _ => throw Bad(location, "", value, Expected),
        };
        return messages.Any(message => ZephyrTemplate.Knows(message.Role))
            ? new(location, messages)
            : throw new BadRowException(location, "", $"the roles {Conversation.RolesOf(messages)}", ZephyrTemplate.KnownTurn);
    }
}
