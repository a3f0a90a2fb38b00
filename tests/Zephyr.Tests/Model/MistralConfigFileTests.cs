using System.Text.Json.Nodes;
using Zephyr.Model;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Model;

public sealed class MistralConfigFileTests : IDisposable
{
    /// <summary>No optional key stands in it.</summary>
    private const string Bare =
        """
        {"architectures": ["MistralForCausalLM"], "vocab_size": 320, "hidden_size": 64, "intermediate_size": 128,
         "num_hidden_layers": 2, "num_attention_heads": 16}
        """;

    private static readonly string Golden = Path.Combine(SharedFolder.RepositoryRoot, "tests/Zephyr.Tests/Golden/model/sw8/policy");

    private readonly TempFolder _folder = new();

    [Theory]
    [InlineData("config.json")]
    [InlineData("config.v4.json")]
    public void Both_generations_of_transformers_say_the_same(string file)
    {
        var config = Read(File.ReadAllText(Path.Combine(Golden, file)));
        Assert.Equal(new MistralConfig
        {
            VocabSize = 320,
            HiddenSize = 64,
            IntermediateSize = 128,
            NumHiddenLayers = 2,
            NumAttentionHeads = 4,
            NumKeyValueHeads = 2,
            HeadDim = 16,
            MaxPositionEmbeddings = 128,
            SlidingWindow = 8,
        }, config);
    }

    [Fact]
    public void Every_number_reaches_its_place()
    {
        var config = Read(Bare, json =>
        {
            json["rms_norm_eps"] = 2e-5;
            json["rope_theta"] = 1000000;
            json["initializer_range"] = 0.03;
            json["tie_word_embeddings"] = true;
            json["bos_token_id"] = 0;
            json["eos_token_id"] = new JsonArray(7, 8);
            json["num_key_value_heads"] = 4;
            json["max_position_embeddings"] = 77;
        });
        Assert.Equal((2e-5, 1e6, 0.03, true, 0, 7), (config.RmsNormEps, config.RopeTheta, config.InitializerRange, config.TieWordEmbeddings, config.BosTokenId, config.EosTokenId));
        Assert.Equal((4, 4, 77), (config.NumKeyValueHeads, config.HeadDim, config.MaxPositionEmbeddings));
    }

    /// <summary>The defaults of transformers 5.12's MistralConfig and LlamaConfig, printed by it.</summary>
    [Fact]
    public void An_absent_key_means_what_it_means_to_transformers()
    {
        var mistral = Read(Bare);
        Assert.Equal((8, 131072, 4096, 1e-6, 1e4), (mistral.NumKeyValueHeads, mistral.MaxPositionEmbeddings, mistral.SlidingWindow, mistral.RmsNormEps, mistral.RopeTheta));
        Assert.Equal((4, 0.02, 1, 2, false), (mistral.HeadDim, mistral.InitializerRange, mistral.BosTokenId, mistral.EosTokenId, mistral.TieWordEmbeddings));
        var llama = Read(Bare, json => json["architectures"] = new JsonArray("LlamaForCausalLM"));
        Assert.Equal((16, 2048, null, 1e-6, 1e4), (llama.NumKeyValueHeads, llama.MaxPositionEmbeddings, llama.SlidingWindow, llama.RmsNormEps, llama.RopeTheta));
    }

    [Fact]
    public void Null_means_none_for_the_window_and_all_heads_for_keys()
    {
        var config = Read(Bare, json => json["sliding_window"] = json["num_key_value_heads"] = json["head_dim"] = json["rope_scaling"] = null);
        Assert.Equal((null, 16, 4), (config.SlidingWindow, config.NumKeyValueHeads, config.HeadDim));
        Assert.Null(Read(Bare, json => (json["sliding_window"], json["use_sliding_window"]) = (8, false)).SlidingWindow);
    }

    [Fact]
    public void A_head_may_be_wider_than_its_share()
    {
        var config = Read(Bare, json => json["head_dim"] = 32);
        Assert.Equal(32, config.HeadDim);
        Assert.Contains(("model.layers.0.self_attn.q_proj.weight", "512, 64"), config.Weights.Select(weight => (weight.Name, string.Join(", ", weight.Shape))));
    }

    [Theory]
    [InlineData("MistralForCausalLM", 8)]
    [InlineData("MistralForCausalLM", null)]
    [InlineData("LlamaForCausalLM", null)]
    public void What_was_written_reads_back_the_same(string architecture, int? window)
    {
        var config = TinyModel.Config with
        {
            Architecture = architecture,
            SlidingWindow = window,
            TieWordEmbeddings = true,
            RmsNormEps = 1e-6,
            RopeTheta = 12345.678,
            BosTokenId = 3,
            EosTokenId = 5,
        };
        MistralConfigFile.Write(_folder.Path, config, "bfloat16");
        Assert.Equal(config, MistralConfigFile.Read(_folder.Path));

        var json = JsonNode.Parse(File.ReadAllText(_folder.PathOf("config.json")))!.AsObject();
        Assert.Equal((architecture == "LlamaForCausalLM" ? "llama" : "mistral", "bfloat16"), ((string?)json["model_type"], (string?)json["torch_dtype"]));
        var generation = JsonNode.Parse(File.ReadAllText(_folder.PathOf("generation_config.json")))!;
        Assert.True(JsonNode.DeepEquals(JsonNode.Parse("""{"bos_token_id": 3, "eos_token_id": 5}"""), generation));
    }

    [Fact]
    public void The_same_model_writes_the_same_bytes()
    {
        MistralConfigFile.Write(_folder.Path, TinyModel.Config, "float32");
        var first = File.ReadAllBytes(_folder.PathOf("config.json"));
        MistralConfigFile.Write(_folder.Path, MistralConfigFile.Read(_folder.Path), "float32");
        Assert.Equal(first, File.ReadAllBytes(_folder.PathOf("config.json")));
    }

    public void Dispose() => _folder.Dispose();

    private MistralConfig Read(string text, Action<JsonObject>? change = null)
    {
        var json = JsonNode.Parse(text)!.AsObject();
        change?.Invoke(json);
        _folder.Write("config.json", json.ToJsonString());
        return MistralConfigFile.Read(_folder.Path);
    }
}
