using System.Text;
using Zephyr.Configuration;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using Zephyr.Model.Weights;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Data.Text;
using Zephyr.Tests.Model;
using Zephyr.Tests.Model.Adapters;
using static TorchSharp.torch;

namespace Zephyr.Tests.Hostile;

/// <summary>Readers of what a model folder holds, and of a config.</summary>
internal static class ModelReaders
{
    private const string Yaml = """
        # a recipe
        model_name_or_path: models/base
        dataset_mixer: {data/a: 0.5, data/b: 1.0}
        output_dir: 'runs/sft'
        learning_rate: 2.0e-5
        lr_scheduler_type: cosine
        lr_scheduler_kwargs:
          num_cycles: 0.5
        max_seq_length: 2048
        packing: true
        report_to:
        - tensorboard
        seed: 42

        """;

    public static IEnumerable<HostileReader> All
    {
        get
        {
            using var folder = new TempFolder();
            using var model = TinyModel.Create();
            var single = Save(folder.PathOf("single"), model, long.MaxValue);
            var shards = Save(folder.PathOf("shards"), model, 4000);
            var weights = File.ReadAllBytes(Path.Combine(single, "model.safetensors"));
            var config = File.ReadAllBytes(Path.Combine(single, "config.json"));
            var index = File.ReadAllBytes(Path.Combine(shards, "model.safetensors.index.json"));
            var adapter = SaveAdapter(folder.PathOf("adapter"), model);
            var (factors, adapterConfig) = (File.ReadAllBytes(Path.Combine(adapter, AdapterFolder.WeightsFile)), File.ReadAllBytes(Path.Combine(adapter, AdapterConfigFile.FileName)));
            var files = Directory.GetFiles(shards).ToDictionary(file => Path.GetFileName(file), File.ReadAllBytes);
            return
            [
                new("safetensors", "model.safetensors", [weights, HandMade()], ReadTensors),
                new("weights of a model folder", "model.safetensors", [weights], path => Load(path, ("config.json", config))),
                new("index of shards", "model.safetensors.index.json", [index],
                    path => Load(path, [.. files.Where(file => !file.Key.EndsWith("index.json", StringComparison.Ordinal)).Select(file => (file.Key, file.Value))])),
                new("config.json", "config.json", [config], path => Load(path, ("model.safetensors", weights))),
                new("adapter_config.json", AdapterConfigFile.FileName, [adapterConfig], path => LoadAdapter(path, (AdapterFolder.WeightsFile, factors))),
                new("adapter_model.safetensors", AdapterFolder.WeightsFile, [factors], path => LoadAdapter(path, (AdapterConfigFile.FileName, adapterConfig))),
                new("tokenizer.model", "tokenizer.model", [TinyTokenizer.Create().Model.Bytes.ToArray()], ReadTokenizer),
                new("YAML", "sft.yaml", [Encoding.UTF8.GetBytes(Yaml)], path => ConfigReader.Read<SftConfig>(path, [])),
            ];
        }
    }

    private static string Save(string folder, MistralForCausalLM model, long maxShardBytes)
    {
        Directory.CreateDirectory(folder);
        ModelFolder.Save(folder, model.Config, model.Parameters.All, maxShardBytes);
        return folder;
    }

    private static string SaveAdapter(string folder, MistralForCausalLM model)
    {
        Directory.CreateDirectory(folder);
        using var adapter = TinyAdapter.Create(TinyAdapter.Config() with { RankPattern = new Dictionary<string, int> { ["layers.1.*q_proj"] = 2 }, LayersToTransform = [0, 1] }, model.Config);
        AdapterFolder.Save(folder, adapter.Config, adapter.Parameters.All);
        return folder;
    }

    private static void LoadAdapter(string path, (string Name, byte[] Content) other)
    {
        var folder = Path.GetDirectoryName(path)!;
        File.WriteAllBytes(Path.Combine(folder, other.Name), other.Content);
        AdapterFolder.Load(folder, TinyModel.Config, CPU, trainable: false).Dispose();
    }

    private static byte[] HandMade() => Zephyr.Tests.Model.Weights.HandMade.File(
        """{"__metadata__": {"format": "pt"}, "a": {"dtype": "F32", "shape": [2, 3], "data_offsets": [0, 24]}, "b": {"dtype": "BF16", "shape": [4], "data_offsets": [24, 32]}, "c": {"dtype": "F16", "shape": [], "data_offsets": [32, 34]}}""", 34);

    private static void ReadTensors(string path)
    {
        var file = SafetensorsFile.Open(path);
        foreach (var entry in file.Entries.Values)
        {
            using var scope = NewDisposeScope();
            WeightReader.ReadInto(file, entry, empty(entry.Shape, dtype: ScalarType.Float32));
        }
    }

    /// <summary>By the headers, as inspect does, and whole, as a run does; the mutated file is one of the folder's.</summary>
    private static void Load(string path, params (string Name, byte[] Content)[] others)
    {
        var folder = Path.GetDirectoryName(path)!;
        foreach (var (name, content) in others)
            if (!File.Exists(Path.Combine(folder, name))) File.WriteAllBytes(Path.Combine(folder, name), content);
        ModelSummary.Read(folder);
        ModelFolder.Load(folder, ScalarType.Float32, CPU, trainable: false).Dispose();
    }

    private static void ReadTokenizer(string path)
    {
        var tokenizer = MistralTokenizer.Load(path);
        foreach (var text in new[] { "", "abc |ab <|b😀 cé éé", "<s>a</s> \ud800 \0" + new string('a', 300) })
            tokenizer.Decode(tokenizer.Encode(text, addBos: true), skipSpecialTokens: false);
    }
}
