using Zephyr.Model.Adapters;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model.Weights;

/// <summary>A PEFT adapter folder: adapter_config.json and adapter_model.safetensors.</summary>
public static class AdapterFolder
{
    /// <summary>The factors' file.</summary>
    public const string WeightsFile = "adapter_model.safetensors";

    /// <summary>Whether a folder is one, by its config.</summary>
    public static bool Is(string folder) => File.Exists(Path.Combine(folder, AdapterConfigFile.FileName));

    /// <summary>Loads an adapter, in fp32 whatever the file holds.</summary>
    /// <param name="folder">The adapter folder.</param>
    /// <param name="model">The shape of the model under it.</param>
    /// <param name="device">Where the factors go.</param>
    /// <param name="trainable">Whether they take gradients.</param>
    /// <param name="setting">Changes what the folder says of itself, for what it is loaded for.</param>
    /// <param name="dropout">Whether dropout is applied in training.</param>
    /// <exception cref="UserErrorException">The folder does not hold an adapter of such a model; every difference is listed.</exception>
    public static LoraAdapter Load(string folder, MistralConfig model, Device device, bool trainable, Func<LoraConfig, LoraConfig>? setting = null, bool dropout = true)
    {
        var config = AdapterConfigFile.Read(folder);
        var file = Open(folder, config, model);
        var parameters = WeightReader.Read([.. config.WeightsOf(model)], name => (file, file.Entries[name]), ScalarType.Float32, device);
        return new(setting is null ? config : setting(config), model, parameters.RequireGradients(trainable), dropout);
    }

    /// <summary>Checks by the header what <see cref="Load"/> would check.</summary>
    /// <exception cref="UserErrorException">The factors are not there, broken, or not those of the config and the model; every difference is listed.</exception>
    public static void RequireFit(string folder, LoraConfig config, MistralConfig model) => Open(folder, config, model);

    /// <summary>Writes adapter_config.json and the factors.</summary>
    /// <param name="folder">An existing folder; the caller makes it appear whole.</param>
    /// <param name="config">The shape.</param>
    /// <param name="weights">The factors, under PEFT's names.</param>
    public static void Save(string folder, LoraConfig config, IEnumerable<KeyValuePair<string, Tensor>> weights)
    {
        AdapterConfigFile.Write(folder, config);
        WeightWriter.WriteFile(Path.Combine(folder, WeightsFile), weights);
    }

    /// <summary>How the factors of a folder differ from those that its config asks for on a model.</summary>
    internal static (SafetensorsFile File, WeightDifferences Differences) Compare(string folder, LoraConfig config, MistralConfig model)
    {
        var path = Path.Combine(folder, WeightsFile);
        if (!File.Exists(path)) throw new UserErrorException($"{folder}: there is no {WeightsFile}{WeightFiles.PickledIn(folder)}");
        var file = SafetensorsFile.Open(path);
        var wanted = config.WeightsOf(model).ToDictionary(weight => weight.Name, weight => weight.Shape);
        if (wanted.Count == 0) throw new UserErrorException($"{folder}: its {AdapterConfigFile.FileName} adapts no module of a model of {model.NumHiddenLayers} layers");
        return (file, new(
            [.. wanted.Keys.Where(name => !file.Entries.ContainsKey(name))],
            [.. file.Entries.Keys.Where(name => !wanted.ContainsKey(name)).Order(StringComparer.Ordinal)],
            [.. wanted.Where(weight => file.Entries.TryGetValue(weight.Key, out var entry) && !entry.Shape.SequenceEqual(weight.Value))
                .Select(weight => $"{weight.Key} is [{string.Join(", ", file.Entries[weight.Key].Shape)}] and should be [{string.Join(", ", weight.Value)}]")]));
    }

    private static SafetensorsFile Open(string folder, LoraConfig config, MistralConfig model)
    {
        var (file, differences) = Compare(folder, config, model);
        return differences.Any
            ? throw new UserErrorException($"{folder}: the adapter's weights do not fit {AdapterConfigFile.FileName} and the model under it: {differences}")
            : file;
    }
}
