namespace Zephyr.Data.Sources;

/// <summary>Takes typed values out of a row's tree; whatever is not as expected is a bad row with the field's path.</summary>
internal static class FieldReader
{
    private const string MessageList = "a list of {role, content} messages";

    /// <summary>A text.</summary>
    public static string TextOf(RowLocation location, string path, object? value) =>
        value as string ?? throw Bad(location, path, value, "a text");

    /// <summary>A list, with at least one item.</summary>
    public static IReadOnlyList<object?> List(RowLocation location, string path, object? value, string expected) =>
        value is IReadOnlyList<object?> { Count: > 0 } list ? list : throw Bad(location, path, value, expected);

    /// <summary>A struct.</summary>
    public static IReadOnlyDictionary<string, object?> Struct(RowLocation location, string path, object? value, string expected) =>
        value as IReadOnlyDictionary<string, object?> ?? throw Bad(location, path, value, expected);

    /// <summary>A list of {role, content}, with at least one message.</summary>
    public static IReadOnlyList<ChatMessage> Messages(RowLocation location, string path, object? value) =>
        [.. List(location, path, value, MessageList).Select((item, i) => Message(location, $"{path}[{i}]", item))];

    /// <summary>A list of messages as it is, or a text as one message of <paramref name="role"/>.</summary>
    public static IReadOnlyList<ChatMessage> MessagesOrText(RowLocation location, string path, object? value, string role) =>
        value switch
        {
            string text => [new(role, text)],
            IReadOnlyList<object?> => Messages(location, path, value),
            _ => throw Bad(location, path, value, $"a text or {MessageList}"),
        };

    /// <summary>The error for a value that is not what was expected.</summary>
    public static BadRowException Bad(RowLocation location, string path, object? value, string expected) =>
        new(location, path, DataRow.Describe(value), expected);

    private static ChatMessage Message(RowLocation location, string path, object? item)
    {
        var message = Struct(location, path, item, "a message {role, content}");
        return new(Member(location, path, message, "role"), Member(location, path, message, "content"));
    }

    /// <summary>The text of a struct's field, which must be there.</summary>
    public static string Member(RowLocation location, string path, IReadOnlyDictionary<string, object?> fields, string name) =>
        fields.TryGetValue(name, out var value)
            ? TextOf(location, $"{path}.{name}", value)
            : throw new BadRowException(location, $"{path}.{name}", $"no such field ({DataRow.JoinNames(fields.Keys)})", "a text");

    /// <summary>A column of token ids, at least one.</summary>
    public static int[] TokenIds(DataRow row, string field)
    {
        const string Expected = "a list of at least one token id (whole numbers from 0)";
        var list = List(row.Location, field, row[field], Expected);
        return [.. list.Select((id, i) => id is long and >= 0 and <= int.MaxValue
            ? (int)(long)id
            : throw Bad(row.Location, $"{field}[{i}]", id, "a token id, a whole number from 0 without a decimal point"))];
    }
}
