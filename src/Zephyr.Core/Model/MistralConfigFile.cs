using System.Text.Json;
using System.Text.Json.Nodes;
using Zephyr.Runtime;

namespace Zephyr.Model;

/// <summary>
/// config.json, as transformers 4 (rope_theta, torch_dtype) and 5 (rope_parameters, dtype) write it. What this model does
/// not implement is refused by name: a wrong guess here would train for days and be wrong.
/// </summary>
public static class MistralConfigFile
{
    /// <summary>Of a key that stands there twice, no reader could say which is meant.</summary>
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };

    /// <summary>Real ones have 1 KB.</summary>
    private const int LargestFile = 1 << 20;

    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>Reads and checks <paramref name="folder"/>/config.json.</summary>
    /// <exception cref="UserErrorException">The file is missing, is not JSON, or asks for something else than a plain Mistral or Llama.</exception>
    public static MistralConfig Read(string folder)
    {
        var path = Path.Combine(folder, "config.json");
        if (!File.Exists(path))
            throw new UserErrorException(Directory.Exists(folder)
                ? $"{folder}: there is no config.json; a model folder holds config.json, *.safetensors and tokenizer.model"
                : $"{folder}: there is no such model folder{HubName.Hint(folder)}");
        try
        {
            var json = JsonNode.Parse(UserFile.ReadBytes(path, "model's config", LargestFile), null, Strict) as JsonObject
                ?? throw new UserErrorException($"{path}: expected a JSON object");
            return new ConfigReading(path, json).ToConfig();
        }
        // The second: a string with broken escapes is only found out when it is read.
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new UserErrorException($"{path}: not valid JSON ({error.Message.Split('.')[0]})", error);
        }
    }

    /// <summary>Writes config.json and generation_config.json with keys that transformers 4 and 5, vLLM and llama.cpp all read.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="config">The shape.</param>
    /// <param name="dtype">float32 or bfloat16: how the weights are stored.</param>
    public static void Write(string folder, MistralConfig config, string dtype)
    {
        var json = new JsonObject
        {
            ["architectures"] = new JsonArray(config.Architecture),
            ["attention_bias"] = config.Architecture.StartsWith("Llama", StringComparison.Ordinal) ? false : null,
            ["attention_dropout"] = 0.0,
            ["bos_token_id"] = config.BosTokenId,
            ["eos_token_id"] = config.EosTokenId,
            ["head_dim"] = config.HeadDim,
            ["hidden_act"] = "silu",
            ["hidden_size"] = config.HiddenSize,
            ["initializer_range"] = config.InitializerRange,
            ["intermediate_size"] = config.IntermediateSize,
            ["max_position_embeddings"] = config.MaxPositionEmbeddings,
            ["model_type"] = config.Architecture.StartsWith("Llama", StringComparison.Ordinal) ? "llama" : "mistral",
            ["num_attention_heads"] = config.NumAttentionHeads,
            ["num_hidden_layers"] = config.NumHiddenLayers,
            ["num_key_value_heads"] = config.NumKeyValueHeads,
            ["rms_norm_eps"] = config.RmsNormEps,
            ["rope_theta"] = config.RopeTheta,
            ["sliding_window"] = config.SlidingWindow,
            ["tie_word_embeddings"] = config.TieWordEmbeddings,
            ["torch_dtype"] = dtype,
            ["use_cache"] = true,
            ["vocab_size"] = config.VocabSize,
        };
        if (json["attention_bias"] is null) json.Remove("attention_bias");
        var generation = new JsonObject { ["bos_token_id"] = config.BosTokenId, ["eos_token_id"] = config.EosTokenId };
        File.WriteAllText(Path.Combine(folder, "config.json"), json.ToJsonString(Indented) + "\n");
        File.WriteAllText(Path.Combine(folder, "generation_config.json"), generation.ToJsonString(Indented) + "\n");
    }
}
