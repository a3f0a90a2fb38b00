using static Zephyr.Data.Sources.FieldReader;

namespace Zephyr.Data.Sources;

/// <summary>Conversations to be continued or looked at, one a line: a list of {role, content}, or an object with such a list as messages.</summary>
public static class MessagesFile
{
    /// <summary>The conversations of a JSON Lines file. Unlike training rows they need no assistant turn.</summary>
    /// <exception cref="BadRowException">A line holds no conversation.</exception>
    public static IEnumerable<Conversation> Read(string file) => JsonLinesReader.ReadValues(file).Select(line => Parse(line.Location, line.Value));

    private static Conversation Parse(RowLocation location, object? value) => value switch
    {
        IReadOnlyList<object?> => new(location, Messages(location, "messages", value)),
        IReadOnlyDictionary<string, object?> fields when fields.TryGetValue("messages", out var messages) => new(location, Messages(location, "messages", messages)),
        IReadOnlyDictionary<string, object?> fields => throw new BadRowException(location, "", $"the columns {DataRow.JoinNames(fields.Keys)}", Expected),
        _ => throw Bad(location, "", value, Expected),
    };

    private const string Expected = "a list of {role, content} messages, or an object with messages";
}
