using System.Text.Json;
using System.Text.Json.Nodes;
using Zephyr.Runtime;

namespace Zephyr.Model;

/// <summary>
/// One reading of a config.json: its keys, checked as they are taken. A key that is absent means what it means to
/// transformers, which is not the same for Mistral and Llama.
/// </summary>
internal sealed class ConfigReading(string path, JsonObject json)
{
    /// <summary>Far above any model; a damaged number must not have millions of weight names made up for it.</summary>
    private const int MostLayers = 10_000;

    private static readonly string[] RopeKeys = ["rope_theta", "rope_type", "type"];

    public MistralConfig ToConfig()
    {
        var architecture = RefuseWhatIsNotImplemented();
        var isMistral = architecture == "MistralForCausalLM";
        var hidden = Integer("hidden_size");
        var heads = Integer("num_attention_heads");
        if (json["head_dim"] is null && hidden % heads != 0)
            throw Wrong("hidden_size", $"{hidden}", $"a multiple of num_attention_heads ({heads}), or a head_dim beside it");
        var config = new MistralConfig
        {
            Architecture = architecture,
            VocabSize = Integer("vocab_size"),
            HiddenSize = hidden,
            IntermediateSize = Integer("intermediate_size"),
            NumHiddenLayers = Integer("num_hidden_layers", most: MostLayers),
            NumAttentionHeads = heads,
            NumKeyValueHeads = Integer("num_key_value_heads", isMistral && !json.ContainsKey("num_key_value_heads") ? 8 : heads),
            HeadDim = Integer("head_dim", hidden / heads),
            MaxPositionEmbeddings = Integer("max_position_embeddings", isMistral ? 131072 : 2048),
            RmsNormEps = Number("rms_norm_eps", 1e-6),
            RopeTheta = RopeTheta(),
            SlidingWindow = isMistral ? SlidingWindow() : null,
            TieWordEmbeddings = Flag("tie_word_embeddings", false),
            InitializerRange = Number("initializer_range", 0.02),
            BosTokenId = Integer("bos_token_id", 1, least: 0),
            EosTokenId = EndToken(),
        };
        if (config.NumAttentionHeads % config.NumKeyValueHeads != 0)
            throw Wrong("num_key_value_heads", config.NumKeyValueHeads.ToString(), $"a divisor of num_attention_heads ({heads})");
        if (config.HeadDim % 2 != 0) throw Wrong("head_dim", config.HeadDim.ToString(), "an even number");
        return config;
    }

    private string RefuseWhatIsNotImplemented()
    {
        var architecture = json["architectures"] is JsonArray { Count: 1 } names ? Text(names[0], "architectures") : "";
        if (architecture is not ("MistralForCausalLM" or "LlamaForCausalLM"))
            throw Wrong("architectures", json["architectures"]?.ToJsonString() ?? "nothing", "[\"MistralForCausalLM\"] or [\"LlamaForCausalLM\"]");
        if (json["hidden_act"] is { } act && Text(act, "hidden_act") != "silu") throw Wrong("hidden_act", act.ToJsonString(), "\"silu\"");
        foreach (var key in (string[])["attention_bias", "mlp_bias"])
            if (Flag(key, false)) throw Wrong(key, "true", "false: biases are not implemented");
        if (json["quantization_config"] is not null)
            throw Wrong("quantization_config", "one", "none: quantized weights are not implemented");
        if (Number("attention_dropout", 0) != 0)
            throw Wrong("attention_dropout", json["attention_dropout"]!.ToJsonString(), "0: the recipe trains without dropout");
        if (Integer("pretraining_tp", 1) != 1) throw Wrong("pretraining_tp", json["pretraining_tp"]!.ToJsonString(), "1");
        if (Number("partial_rotary_factor", 1) != 1)
            throw Wrong("partial_rotary_factor", json["partial_rotary_factor"]!.ToJsonString(), "1: partial rotation is not implemented");
        foreach (var key in (string[])["rope_scaling", "rope_parameters"]) RefuseRopeScaling(key);
        return architecture;
    }

    /// <summary>transformers 4 names the kind "type" or "rope_type" in rope_scaling, transformers 5 "rope_type" in rope_parameters.</summary>
    private void RefuseRopeScaling(string key)
    {
        if (json[key] is not { } node) return;
        if (node is not JsonObject rope) throw Wrong(key, node.ToJsonString(), "an object or null");
        foreach (var name in (string[])["rope_type", "type"])
            if (rope[name] is { } type && Text(type, $"{key}.{name}") != "default")
                throw Wrong($"{key}.{name}", type.ToJsonString(), "\"default\": rope scaling is not implemented");
        // Anything else would change the angles: a factor without a type, or partial rotation.
        if (rope.FirstOrDefault(entry => entry.Value is not null && !RopeKeys.Contains(entry.Key)) is { Key: { } other, Value: { } value })
            throw Wrong($"{key}.{other}", value.ToJsonString(), "no such key: rope scaling is not implemented");
    }

    /// <summary>transformers 5 keeps the base in rope_parameters, transformers 4 at the top.</summary>
    private double RopeTheta()
    {
        var node = (json["rope_parameters"] as JsonObject)?["rope_theta"] ?? json["rope_theta"];
        if (node is null) return 10000;
        return node is JsonValue value && value.TryGetValue(out double theta) && theta > 0 && double.IsFinite(theta)
            ? theta : throw Wrong("rope_theta", node.ToJsonString(), "a number > 0");
    }

    /// <summary>Null says that there is none; a Mistral that does not speak of it has the first one's window.</summary>
    private int? SlidingWindow()
    {
        if (!Flag("use_sliding_window", true)) return null;
        if (!json.ContainsKey("sliding_window")) return 4096;
        return json["sliding_window"] is null ? null : Integer("sliding_window");
    }

    /// <summary>Some configs list several end tokens; the first is the tokenizer's &lt;/s&gt; in this family.</summary>
    private int EndToken() =>
        json["eos_token_id"] is JsonArray { Count: > 0 } several && several[0] is JsonValue first && first.TryGetValue(out int id) && id >= 0
            ? id : Integer("eos_token_id", 2, least: 0);

    private int Integer(string key, int? absent = null, int least = 1, int most = int.MaxValue)
    {
        var expected = most == int.MaxValue ? $"a whole number from {least}" : $"a whole number from {least} to {most}";
        if (json[key] is not { } node) return absent ?? throw Wrong(key, "nothing", expected);
        return node is JsonValue value && value.TryGetValue(out int number) && number >= least && number <= most
            ? number : throw Wrong(key, node.ToJsonString(), expected);
    }

    private double Number(string key, double absent) =>
        json[key] is not { } node ? absent
        : node is JsonValue value && value.TryGetValue(out double number) && number >= 0 && double.IsFinite(number)
            ? number : throw Wrong(key, node.ToJsonString(), "a number of at least 0");

    private bool Flag(string key, bool absent) =>
        json[key] is not { } node ? absent
        : node.GetValueKind() is JsonValueKind.True ? true
        : node.GetValueKind() is JsonValueKind.False ? false : throw Wrong(key, node.ToJsonString(), "true or false");

    private string Text(JsonNode? node, string key) =>
        node is JsonValue value && value.TryGetValue(out string? text) ? text : throw Wrong(key, node?.ToJsonString() ?? "null", "a string");

    private UserErrorException Wrong(string key, string found, string expected) => new($"{path}: {key}: found {UserErrorException.Shortened(found, 200)}, expected {expected}");
}
