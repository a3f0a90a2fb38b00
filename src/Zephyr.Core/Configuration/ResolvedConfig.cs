using System.Text;
using System.Text.Json.Nodes;
using Zephyr.Runtime;

namespace Zephyr.Configuration;

/// <summary>A key, the value a run uses for it, and who said so.</summary>
/// <param name="Name">The canonical key.</param>
/// <param name="Value">string, bool, int, long, double, a list of strings, or null.</param>
/// <param name="Origin">"file configs/sft.yaml line 4", "option --learning_rate" or "default".</param>
/// <param name="Assumed">Nobody said it: it follows from another key, and a person should be told.</param>
public sealed record ResolvedKey(string Name, object? Value, string Origin, bool Assumed = false)
{
    /// <summary>The origin of what nobody said.</summary>
    public const string Default = "default";
}

/// <summary>A key of TRL, transformers or the handbook that was given and changes nothing here.</summary>
/// <param name="Name">The key as it was written, without dashes.</param>
/// <param name="Origin">Where, as in <see cref="ResolvedKey"/>.</param>
/// <param name="Reason">Why it changes nothing, as a clause.</param>
public sealed record IgnoredKey(string Name, string Origin, string Reason);

/// <summary>
/// A configuration that has been read and checked, with the origin of every value. What it says of itself has no secrets in it, for it goes into files that others read;
/// <see cref="Value"/> alone holds what was written.
/// </summary>
/// <param name="Value">The record that the program works with.</param>
/// <param name="Keys">Every key of the schema in its order.</param>
public sealed record ResolvedConfig<T>(T Value, IReadOnlyList<ResolvedKey> Keys) where T : class
{
    /// <summary>What was given besides and changes nothing, in the order it was met.</summary>
    public IReadOnlyList<IgnoredKey> Ignored { get; init; } = [];

    /// <summary>What a person is told once, when the run starts: values that nobody wrote, and keys that change nothing, those of one reason together.</summary>
    public IReadOnlyList<string> Notes =>
    [
        .. Keys.Where(key => key.Assumed).Select(key => $"{key.Name} is {YamlText.Of(key.Value)}, as with {key.Origin}"),
        .. Ignored.GroupBy(key => key.Reason, key => key.Name)
            .Select(names => $"{string.Join(", ", names)} {(names.Count() == 1 ? "is" : "are")} ignored: {names.Key}"),
    ];

    /// <summary>The form for run.json: name to {value, origin}.</summary>
    public JsonObject ToJson()
    {
        var json = new JsonObject();
        foreach (var key in Keys) json[key.Name] = new JsonObject { ["value"] = ToNode(key.Value), ["origin"] = Secrets.Mask(key.Origin) };
        return json;
    }

    /// <summary>What was ignored, for run.json: name to {reason, origin}.</summary>
    public JsonObject IgnoredToJson()
    {
        var json = new JsonObject();
        foreach (var key in Ignored) json[key.Name] = new JsonObject { ["reason"] = key.Reason, ["origin"] = Secrets.Mask(key.Origin) };
        return json;
    }

    /// <summary>
    /// The form for people: a YAML file that states every key, with origins as comments, and behind them what was ignored. Read again it
    /// gives the same values.
    /// </summary>
    public string ToText()
    {
        var lines = Keys.Select(key => (Setting: $"{key.Name}: {YamlText.Of(key.Value)}", key.Origin)).ToList();
        var column = Math.Min(lines.Max(line => line.Setting.Length), 60);
        var text = new StringBuilder();
        foreach (var (setting, origin) in lines) text.Append(setting.PadRight(column)).Append("  # ").Append(origin).Append('\n');
        if (Ignored.Count > 0) text.Append("\n# Ignored:\n");
        foreach (var key in Ignored) text.Append($"# {key.Name} ({key.Origin}): {key.Reason}\n");
        return Secrets.Mask(text.ToString());
    }

    private static JsonNode? ToNode(object? value) => value switch
    {
        null => null,
        string text => JsonValue.Create(Secrets.Mask(text)),
        bool flag => JsonValue.Create(flag),
        int number => JsonValue.Create(number),
        long number => JsonValue.Create(number),
        double number => JsonValue.Create(number),
        IReadOnlyList<string> list => new JsonArray([.. list.Select(item => (JsonNode?)JsonValue.Create(Secrets.Mask(item)))]),
        IReadOnlyList<double> list => new JsonArray([.. list.Select(item => (JsonNode?)JsonValue.Create(item))]),
        IReadOnlyDictionary<string, double> map => new JsonObject(map.Select(entry => KeyValuePair.Create(Secrets.Mask(entry.Key), (JsonNode?)JsonValue.Create(entry.Value))).DistinctBy(entry => entry.Key)),
        _ => throw new NotSupportedException($"a configuration value cannot be {value.GetType()}"),
    };
}
