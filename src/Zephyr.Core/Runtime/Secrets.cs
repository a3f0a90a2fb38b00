using System.Collections;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;

namespace Zephyr.Runtime;

/// <summary>
/// Takes passwords and tokens out of what is written where others may read it: logs, run.json, model cards, the printed configuration, error messages. What a
/// user typed or a file holds goes in as it is; only what is said of it is masked.
/// </summary>
public static partial class Secrets
{
    private const string Mark = "***";

    // A shorter value may be a word of any text.
    private const int ShortestValue = 8;

    private static readonly Lazy<string[]> OfEnvironment = new(() => [.. ValuesOf(Environment.GetEnvironmentVariables())]);

    /// <summary>The text without secrets: a URL's user and password, its query's tokens, tokens by their form, and the values of environment variables whose names say what they are.</summary>
    public static string Mask(string text) => Mask(text, OfEnvironment.Value);

    /// <summary>The same of every name and text in a JSON document. Its written form would not do: what JSON escapes, such as the + of base64, no longer reads as what it is.</summary>
    public static JsonNode? Mask(JsonNode? node) => node switch
    {
        JsonObject fields => new JsonObject(fields.Select(field => KeyValuePair.Create(Mask(field.Key), Mask(field.Value))).DistinctBy(field => field.Key)),
        JsonArray items => new JsonArray([.. items.Select(Mask)]),
        JsonValue value when value.TryGetValue<string>(out var text) => JsonValue.Create(Mask(text)),
        _ => node?.DeepClone(),
    };

    /// <summary>The same, with given values for those of the environment.</summary>
    internal static string Mask(string text, IEnumerable<string> values)
    {
        foreach (var value in values) text = text.Replace(value, Mark, StringComparison.Ordinal);
        text = UserOfUrl().Replace(text, Mark);
        text = Query().Replace(text, "$1" + Mark);
        text = Header().Replace(text, "$1 " + Mark);
        return Token().Replace(text, Mark);
    }

    /// <summary>The values of variables that are named as secrets are; what names a file is none.</summary>
    internal static IEnumerable<string> ValuesOf(IDictionary environment) => environment.Cast<DictionaryEntry>()
        .Where(entry => SecretName().IsMatch((string)entry.Key) && entry.Value is string { Length: >= ShortestValue } value && value[0] != '/')
        .Select(entry => (string)entry.Value!).OrderByDescending(value => value.Length).ThenBy(value => value, StringComparer.Ordinal);

    // One slash too: a path that went through the system has lost the other.
    [GeneratedRegex(@"(?<=:/{1,2})[^/\s@""'\\]+(?=@)")]
    private static partial Regex UserOfUrl();

    [GeneratedRegex(@"(?i)([?&;](?:access_?token|auth|token|api_?key|key|sig|signature|password|passwd|secret|x-amz-[a-z-]+)=)[^&\s""'#\\]+")]
    private static partial Regex Query();

    [GeneratedRegex(@"(?i)\b(bearer|basic)\s+[a-z0-9._~+/=-]{8,}")]
    private static partial Regex Header();

    [GeneratedRegex(@"\b(?:hf_[A-Za-z0-9]{16,}|gh[pousr]_[A-Za-z0-9]{16,}|github_pat_\w{16,}|AKIA[A-Z0-9]{16}|xox[abprs]-[A-Za-z0-9-]{10,}|sk-(?=[\w-]*\d)[\w-]{20,})")]
    private static partial Regex Token();

    [GeneratedRegex(@"(?i)(TOKEN|SECRET|PASSWORD|PASSWD|API_?KEY|ACCESS_?KEY|PRIVATE_?KEY|CREDENTIAL)")]
    private static partial Regex SecretName();
}
