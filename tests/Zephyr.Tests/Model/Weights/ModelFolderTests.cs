using System.Text.Json.Nodes;
using Zephyr.Model;
using Zephyr.Model.Weights;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Golden;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model.Weights;

public sealed class ModelFolderTests : IDisposable
{
    private readonly TempFolder _folder = new();

    [Theory]
    [InlineData(ScalarType.Float32, long.MaxValue)]
    [InlineData(ScalarType.BFloat16, long.MaxValue)]
    [InlineData(ScalarType.Float32, 4000)]
    [InlineData(ScalarType.BFloat16, 1)]
    public void What_was_written_reads_back_and_writes_the_same_bytes(ScalarType dtype, long maxShardBytes)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Create(TinyModel.Config with { SlidingWindow = 8 });
        var first = Save("first", model.Config, model.Parameters.All.Select(entry => KeyValuePair.Create(entry.Key, entry.Value.to_type(dtype))), maxShardBytes);
        using var read = ModelFolder.Load(first, dtype, CPU, trainable: false);
        Assert.Equal(model.Config, read.Config);
        var second = Save("second", read.Config, read.Parameters.All, maxShardBytes);

        var names = Directory.GetFiles(first).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal).ToList();
        Assert.Equal(names, Directory.GetFiles(second).Select(file => Path.GetFileName(file)).Order(StringComparer.Ordinal));
        Assert.All(names, name => Assert.Equal(File.ReadAllBytes(Path.Combine(first, name)), File.ReadAllBytes(Path.Combine(second, name))));
        Assert.All(read.Parameters.All, entry => Assert.Equal(dtype, entry.Value.dtype));
    }

    [Theory]
    [InlineData(4000)]
    [InlineData(1)]
    public void Shards_keep_to_their_size_and_the_index_names_them(long maxShardBytes)
    {
        using var model = TinyModel.Create();
        var folder = Save("m", model.Config, model.Parameters.All, maxShardBytes);
        var index = JsonNode.Parse(File.ReadAllText(Path.Combine(folder, "model.safetensors.index.json")))!;
        Assert.Equal(model.Parameters.Count * 4, (long)index["metadata"]!["total_size"]!);
        var files = Directory.GetFiles(folder, "model-*.safetensors");
        Assert.All(files, file => Assert.Matches($@"model-000\d\d-of-000{files.Length:D2}\.safetensors$", file));
        var seen = new List<string>();
        foreach (var file in files)
        {
            var entries = SafetensorsFile.Open(file).Entries;
            Assert.All(entries.Keys, name => Assert.Equal(Path.GetFileName(file), (string?)index["weight_map"]![name]));
            Assert.True(entries.Count == 1 || entries.Values.Sum(entry => entry.End - entry.Begin) <= maxShardBytes);
            seen.AddRange(entries.Keys);
        }
        Assert.Equal(model.Config.Weights.Select(weight => weight.Name).Order(StringComparer.Ordinal), seen.Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Half_precision_files_are_converted_on_the_way_in()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Create();
        foreach (var stored in (ScalarType[])[ScalarType.Float16, ScalarType.BFloat16])
        {
            var folder = Save($"{stored}", model.Config, model.Parameters.All.Select(entry => KeyValuePair.Create(entry.Key, entry.Value.to_type(stored))));
            foreach (var wanted in (ScalarType[])[ScalarType.Float32, ScalarType.BFloat16])
            {
                using var read = ModelFolder.Load(folder, wanted, CPU, trainable: false);
                foreach (var (name, weight) in model.Parameters.All)
                    Assert.True(weight.to_type(stored).to_type(wanted).equal(read.Parameters[name]).all().item<bool>(), $"{stored} to {wanted}: {name}");
            }
        }
    }

    [Theory]
    [InlineData("policy-sharded")]
    [InlineData("policy-bf16")]
    public void Shards_and_bf16_of_transformers_are_the_policy(string name)
    {
        using var scope = NewDisposeScope();
        using var model = ModelFolder.Load(SharedFolder.PathOf($"golden/model/swnone/{name}"), ScalarType.Float32, CPU, trainable: false);
        using var golden = new GoldenModel("swnone");
        foreach (var (weight, expected) in golden.Load("policy").Parameters.All)
        {
            var stored = name == "policy-bf16" ? expected.to_type(ScalarType.BFloat16).to_type(ScalarType.Float32) : expected;
            Assert.True(stored.equal(model.Parameters[weight]).all().item<bool>(), weight);
        }
    }

    [Fact]
    public void Only_a_policy_collects_gradients()
    {
        using var model = TinyModel.Create();
        var folder = Save("m", model.Config, model.Parameters.All);
        using var policy = ModelFolder.Load(folder, ScalarType.Float32, CPU, trainable: true);
        using var reference = ModelFolder.Load(folder, ScalarType.Float32, CPU, trainable: false);
        Assert.All(policy.Parameters.All, entry => Assert.True(entry.Value.requires_grad && entry.Value.is_leaf));
        Assert.All(reference.Parameters.All, entry => Assert.False(entry.Value.requires_grad));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public void A_tied_head_is_the_embedding_whether_or_not_a_head_is_stored(bool stored)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Create();
        var tied = model.Config with { TieWordEmbeddings = true };
        var folder = Save("m", tied, model.Parameters.All.Where(entry => stored || entry.Key != "lm_head.weight"));
        using var read = ModelFolder.Load(folder, ScalarType.Float32, CPU, trainable: false);
        Assert.Same(read.Parameters["model.embed_tokens.weight"], read.Head_VD);
        var again = Save("again", read.Config, read.Parameters.All);
        Assert.DoesNotContain("lm_head.weight", SafetensorsFile.Open(Path.Combine(again, "model.safetensors")).Entries.Keys);
    }

    [Fact]
    public void Rotary_tables_of_old_checkpoints_say_nothing_new()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Create();
        var table = KeyValuePair.Create("model.layers.0.self_attn.rotary_emb.inv_freq", ones(2));
        var folder = Save("m", model.Config, model.Parameters.All.Append(table));
        using var read = ModelFolder.Load(folder, ScalarType.Float32, CPU, trainable: false);
        Assert.Equal(model.Config.ParameterCount, read.Parameters.Count);
    }

    public void Dispose() => _folder.Dispose();

    private string Save(string name, MistralConfig config, IEnumerable<KeyValuePair<string, Tensor>> weights, long maxShardBytes = long.MaxValue)
    {
        var folder = Directory.CreateDirectory(_folder.PathOf(name)).FullName;
        ModelFolder.Save(folder, config, weights, maxShardBytes);
        return folder;
    }
}
