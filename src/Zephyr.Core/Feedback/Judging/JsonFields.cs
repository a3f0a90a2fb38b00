using System.Text.Json;

namespace Zephyr.Feedback.Judging;

/// <summary>Fields of a judge's JSON, by any of the names that judges give them.</summary>
internal static class JsonFields
{
    private static readonly string[] RationaleNames = ["rationale", "reason", "reasoning", "critique", "feedback", "explanation", "justification", "comment"];

    /// <summary>The field of the first of the names that is there, however it is cased; null where none is.</summary>
    public static JsonElement? Field(this JsonElement element, params ReadOnlySpan<string> names)
    {
        if (element.ValueKind != JsonValueKind.Object) return null;
        foreach (var name in names)
            foreach (var property in element.EnumerateObject())
                if (property.Name.Equals(name, StringComparison.OrdinalIgnoreCase)) return property.Value;
        return null;
    }

    /// <summary>Every field of the names, however it is cased: a judge that gives two has to give the same twice.</summary>
    public static IEnumerable<JsonElement> Fields(this JsonElement element, string[] names) => element.ValueKind == JsonValueKind.Object
        ? element.EnumerateObject().Where(property => names.Contains(property.Name, StringComparer.OrdinalIgnoreCase)).Select(property => property.Value) : [];

    /// <summary>What the judge says of its rating; empty where it says nothing.</summary>
    public static string Rationale(this JsonElement element) =>
        element.Field(RationaleNames) is { ValueKind: JsonValueKind.String } text ? text.GetString()!.Trim() : "";

    /// <summary>Whether an object has fields besides those of the names and what it says of its rating.</summary>
    public static bool HasOtherThan(this JsonElement element, string[] names) => element.ValueKind == JsonValueKind.Object
        && element.EnumerateObject().Any(property => !names.Concat(RationaleNames).Contains(property.Name, StringComparer.OrdinalIgnoreCase));

    /// <summary>A value as a mark: a number, or the text of one. Null is none: a judge that means N/A says so.</summary>
    public static Mark MarkOf(JsonElement value, RatingScale scale) => value.ValueKind switch
    {
        JsonValueKind.Number => scale.Of(value.GetDouble()),
        JsonValueKind.String => scale.Read(value.GetString()!),
        _ => Mark.Bad(value.GetRawText() is { Length: <= 40 } text ? text : value.ValueKind.ToString().ToLowerInvariant()),
    };
}
