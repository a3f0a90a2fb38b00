using System.Text.Json;
using System.Text.Json.Nodes;
using Zephyr.Runtime;

namespace Zephyr.Model.Adapters;

/// <summary>adapter_config.json as PEFT writes it. What this program does not implement is refused by name: left out, it would make another model of the adapter.</summary>
public static class AdapterConfigFile
{
    /// <summary>Its name in the folder, by which an adapter folder is known.</summary>
    public const string FileName = "adapter_config.json";

    private const int LargestFile = 1 << 20;
    private static readonly JsonDocumentOptions Strict = new() { AllowDuplicateProperties = false };
    private static readonly JsonSerializerOptions Indented = new() { WriteIndented = true, NewLine = "\n" };

    /// <summary>Reads and checks a folder's adapter_config.json.</summary>
    /// <exception cref="UserErrorException">The file is missing, is not JSON, or asks for something else than plain LoRA.</exception>
    public static LoraConfig Read(string folder)
    {
        var path = Path.Combine(folder, FileName);
        try
        {
            var json = JsonNode.Parse(UserFile.ReadBytes(path, "PEFT adapter's config", LargestFile), null, Strict) as JsonObject
                ?? throw new UserErrorException($"{path}: expected a JSON object");
            return new AdapterConfigReading(path, json).ToConfig();
        }
        // The second: a string with broken escapes is only found out when it is read.
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            throw new UserErrorException($"{path}: not valid JSON ({error.Message.Split('.')[0]})", error);
        }
    }

    /// <summary>Writes it with the fields that PEFT, vLLM and llama.cpp read.</summary>
    /// <param name="folder">An existing folder.</param>
    /// <param name="config">The shape.</param>
    public static void Write(string folder, LoraConfig config)
    {
        ArgumentNullException.ThrowIfNull(config);
        var json = new JsonObject
        {
            ["alpha_pattern"] = new JsonObject(config.AlphaPattern.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)Number(entry.Value)))),
            ["auto_mapping"] = null,
            ["base_model_name_or_path"] = config.BaseModelNameOrPath,
            ["bias"] = "none",
            ["fan_in_fan_out"] = false,
            ["inference_mode"] = true,
            ["init_lora_weights"] = true,
            ["layers_pattern"] = null,
            ["layers_to_transform"] = config.LayersToTransform is { } layers ? new JsonArray([.. layers.Select(layer => (JsonNode)layer)]) : null,
            ["lora_alpha"] = Number(config.Alpha),
            ["lora_dropout"] = config.Dropout,
            ["modules_to_save"] = null,
            ["peft_type"] = "LORA",
            ["r"] = config.R,
            ["rank_pattern"] = new JsonObject(config.RankPattern.Select(entry => KeyValuePair.Create(entry.Key, (JsonNode?)entry.Value))),
            ["revision"] = null,
            ["target_modules"] = new JsonArray([.. config.TargetModules.Select(module => (JsonNode)module)]),
            ["task_type"] = "CAUSAL_LM",
            ["use_dora"] = false,
            ["use_rslora"] = config.UseRslora,
        };
        File.WriteAllText(Path.Combine(folder, FileName), json.ToJsonString(Indented) + "\n");
    }

    /// <summary>16, not 16.0: readers expect a whole number where it is one.</summary>
    private static JsonNode Number(double value) => value == Math.Floor(value) && Math.Abs(value) < 1e15 ? (long)value : value;
}
