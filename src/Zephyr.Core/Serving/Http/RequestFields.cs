using System.Text.Json;

namespace Zephyr.Serving.Http;

/// <summary>
/// The fields of a JSON object, checked as they are taken; null counts as absent, as for OpenAI. What was never asked for is refused in the end: a field that is not
/// known may change what the client expects of the answer.
/// </summary>
/// <param name="json">The object.</param>
/// <param name="path">Where it stands, before its fields' names: "" or "messages[0].".</param>
internal sealed class RequestFields(JsonElement json, string path = "")
{
    private readonly HashSet<string> _known = [];

    /// <summary>The value, where there is one.</summary>
    public JsonElement? Find(string name)
    {
        _known.Add(name);
        return json.TryGetProperty(name, out var value) && value.ValueKind != JsonValueKind.Null ? value : null;
    }

    public double Number(string name, double otherwise, double least, double most)
    {
        if (Find(name) is not { } value) return otherwise;
        return value.ValueKind == JsonValueKind.Number && value.TryGetDouble(out var number) && number >= least && number <= most
            ? number : throw Wrong(name, value, $"a number from {least} to {most}");
    }

    public long? Whole(string name, long least, long most)
    {
        if (Find(name) is not { } value) return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt64(out var number) && number >= least && number <= most
            ? number : throw Wrong(name, value, $"a whole number{Range(least, most)}");
    }

    /// <summary>A bound that only the number's size sets is no news to anybody.</summary>
    private static string Range(long least, long most) =>
        most < int.MaxValue ? $" from {least} to {most}" : least > long.MinValue ? $" of at least {least}" : " of 64 bits";

    public bool Flag(string name) => Find(name) is { } value && (value.ValueKind is JsonValueKind.True or JsonValueKind.False
        ? value.GetBoolean() : throw Wrong(name, value, "true or false"));

    public string? Text(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.String ? value.GetString() : throw Wrong(name, value, "a text");

    public RequestFields? Object(string name) => Find(name) is not { } value ? null
        : value.ValueKind == JsonValueKind.Object ? new(value, $"{path}{name}.") : throw Wrong(name, value, "an object");

    /// <summary>Fields that change nothing of what is answered.</summary>
    public void Ignore(params ReadOnlySpan<string> names)
    {
        foreach (var name in names) _known.Add(name);
    }

    /// <summary>A field that asks for what is not done here, unless its value asks for nothing.</summary>
    /// <param name="name">The field.</param>
    /// <param name="isNeutral">Whether the value asks for nothing.</param>
    /// <param name="why">What is not done.</param>
    public void Refuse(string name, Func<JsonElement, bool> isNeutral, string why)
    {
        if (Find(name) is { } value && !isNeutral(value)) throw ApiError.Unsupported(path + name, why);
    }

    /// <exception cref="ApiError">There is a field that was not asked for.</exception>
    public void RefuseOthers()
    {
        foreach (var property in json.EnumerateObject())
            if (!_known.Contains(property.Name))
                throw new ApiError(400, $"Unrecognized request argument supplied: {Short(path + property.Name)}", param: Short(path + property.Name), code: "unknown_parameter");
    }

    public ApiError Wrong(string name, JsonElement value, string expected) => ApiError.Of(path + name, Found(value), expected);

    /// <summary>A value, for messages: short, and of texts only that it is one, as it may be what somebody said.</summary>
    public static string Found(JsonElement value) => value.ValueKind switch
    {
        JsonValueKind.String => "a text",
        JsonValueKind.Array => $"a list of {value.GetArrayLength()}",
        JsonValueKind.Object => "an object",
        JsonValueKind.Null => "null",
        _ => Short(value.GetRawText()),
    };

    private static string Short(string text) => text.Length <= 60 ? text : text[..60] + "...";
}
