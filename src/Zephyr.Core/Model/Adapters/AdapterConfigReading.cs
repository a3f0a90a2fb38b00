using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Model.Adapters;

/// <summary>One reading of an adapter_config.json: its keys, checked as they are taken.</summary>
internal sealed class AdapterConfigReading(string path, JsonObject json)
{
    private const int MostLayers = 10_000, MostPatterns = 100_000, LargestRank = 1 << 20;

    /// <summary>What a run was told, what it was made with, and numbers of features that are off: it changes nothing about what the adapter computes.</summary>
    private static readonly HashSet<string> Harmless =
    [
        "alpha_pattern", "auto_mapping", "base_model_name_or_path", "inference_mode", "layers_to_transform", "lora_alpha", "lora_dropout", "megatron_core", "peft_type",
        "peft_version", "qalora_group_size", "r", "rank_pattern", "revision", "runtime_config", "target_modules", "use_rslora", "exclude_modules", "ensure_weight_tying",
        "loftq_config", "eva_config", "corda_config", "lora_ga_config", "arrow_config",
    ];

    /// <summary>Features with the values that switch them off.</summary>
    private static readonly (string Key, string[] Off, string What)[] Features =
    [
        ("bias", ["\"none\""], "biases are not implemented"),
        ("fan_in_fan_out", ["false"], "transposed weights are not implemented"),
        ("task_type", ["\"CAUSAL_LM\"", "null"], "only language models are trained"),
        ("init_lora_weights", ["true", "false", "\"gaussian\"", "\"orthogonal\"", "\"eva\""], "it changes the weights of the model itself: convert the adapter with PEFT first"),
        ("layers_pattern", ["null", "[]", "\"\"", "\"layers\""], "the model's layers are called layers"),
        ("modules_to_save", ["null", "[]"], "modules that are trained as a whole are not implemented"),
        ("use_dora", ["false"], "DoRA is not implemented"),
    ];

    public LoraConfig ToConfig()
    {
        RefuseWhatIsNotImplemented();
        return new()
        {
            BaseModelNameOrPath = json["base_model_name_or_path"] is { } name ? Text(name, "base_model_name_or_path") : null,
            R = Whole("r", json["r"], LargestRank),
            Alpha = Positive("lora_alpha", json["lora_alpha"]),
            Dropout = json["lora_dropout"] is { } dropout ? Share(dropout) : 0,
            UseRslora = json["use_rslora"] is { } flag && (flag.GetValueKind() is JsonValueKind.True or JsonValueKind.False ? flag.GetValueKind() == JsonValueKind.True
                : throw Wrong("use_rslora", flag.ToJsonString(), "true or false")),
            TargetModules = Targets(),
            RankPattern = Patterns("rank_pattern", (key, node) => Whole(key, node, LargestRank)),
            AlphaPattern = Patterns("alpha_pattern", Positive),
            LayersToTransform = Layers(),
        };
    }

    private void RefuseWhatIsNotImplemented()
    {
        if (json["peft_type"] is not { } type || Text(type, "peft_type") != "LORA") throw Wrong("peft_type", json["peft_type"]?.ToJsonString() ?? "nothing", "\"LORA\"");
        foreach (var (key, off, what) in Features)
            if (json.TryGetPropertyValue(key, out var node) && !off.Contains(node?.ToJsonString() ?? "null"))
                throw Wrong(key, node?.ToJsonString() ?? "null", $"{Check.Join(off)}: {what}");
        // Later versions of PEFT have more; what is empty asks for nothing.
        foreach (var (key, node) in json)
            if (!Harmless.Contains(key) && Features.All(feature => feature.Key != key) && !AsksForNothing(node))
                throw Wrong(key, node!.ToJsonString(), "nothing: it is not known here");
    }

    private static bool AsksForNothing(JsonNode? node) => node switch
    {
        null => true,
        JsonArray list => list.Count == 0,
        JsonObject map => map.Count == 0,
        _ => node.GetValueKind() == JsonValueKind.False,
    };

    /// <summary>Names of the maps or longer ends of their names, "all-linear", or one expression over whole names, which is worked out here.</summary>
    private IReadOnlyList<string> Targets()
    {
        if (json["target_modules"] is JsonArray { Count: > 0 } list)
        {
            List<string> targets = [.. list.Select(item => Text(item, "target_modules"))];
            if (targets.FirstOrDefault(target => !ProjectionNames.All.Contains(target[(target.LastIndexOf('.') + 1)..])) is { } other)
                throw Wrong("target_modules", other, $"{Check.Join([.. ProjectionNames.All])}: adapters of other modules are not implemented");
            return targets;
        }
        if (json["target_modules"] is not JsonValue value) throw Wrong("target_modules", json["target_modules"]?.ToJsonString() ?? "nothing", "names of modules");
        var text = Text(value, "target_modules");
        return text == ProjectionNames.AllLinear ? ProjectionNames.All
            : throw Wrong("target_modules", text, "a list of names: an expression is not implemented, write the names it stands for");
    }

    private List<int>? Layers() => json["layers_to_transform"] switch
    {
        null => null,
        JsonArray list => [.. list.Select(item => Layer(item))],
        var one => [Layer(one)],
    };

    private int Layer(JsonNode? node) => node is JsonValue value && value.TryGetValue<int>(out var layer) && layer is >= 0 and < MostLayers ? layer
        : throw Wrong("layers_to_transform", node?.ToJsonString() ?? "null", "numbers of layers from 0");

    private Dictionary<string, T> Patterns<T>(string key, Func<string, JsonNode?, T> read)
    {
        if (json[key] is not { } node) return [];
        if (node is not JsonObject map || map.Count > MostPatterns) throw Wrong(key, node is JsonObject ? "too many patterns" : node.ToJsonString(), "names with a number each");
        return map.ToDictionary(entry => Pattern(key, entry.Key), entry => read($"{key}.{entry.Key}", entry.Value));
    }

    private string Pattern(string key, string pattern)
    {
        try
        {
            _ = new Regex(pattern, RegexOptions.NonBacktracking);
            return pattern;
        }
        catch (Exception error) when (error is ArgumentException or NotSupportedException)
        {
            throw Wrong(key, pattern, "a name, or a regular expression for one");
        }
    }

    private int Whole(string key, JsonNode? node, int most) => node is JsonValue value && value.TryGetValue<int>(out var number) && number >= 1 && number <= most ? number
        : throw Wrong(key, node?.ToJsonString() ?? "nothing", $"a whole number from 1 to {most}");

    private double Positive(string key, JsonNode? node) => node is JsonValue value && value.TryGetValue<double>(out var number) && number is > 0 and <= 1e15 ? number
        : throw Wrong(key, node?.ToJsonString() ?? "nothing", "a number above 0");

    private double Share(JsonNode node) => node is JsonValue value && value.TryGetValue<double>(out var number) && number is >= 0 and < 1 ? number
        : throw Wrong("lora_dropout", node.ToJsonString(), "a number from 0 to under 1");

    private string Text(JsonNode? node, string key) => node is JsonValue value && value.TryGetValue<string>(out var text) && text.Length > 0 ? text
        : throw Wrong(key, node?.ToJsonString() ?? "null", "a text");

    private UserErrorException Wrong(string key, string found, string expected) =>
        new($"{path}: {key}: found {(found.Length > 200 ? found[..200] + "..." : found)}, expected {expected}");
}
