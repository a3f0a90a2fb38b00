using Zephyr.Data.Batches;
using Zephyr.Model.Adapters;
using Zephyr.Model.Weights;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Golden;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model.Adapters;

/// <summary>PEFT's adapter folders: one that is written by hand loads, what is not implemented is refused, and nothing is guessed.</summary>
public sealed class AdapterFolderTests : IDisposable
{
    // As PEFT 0.7 writes it, with fields of 0.18 behind.
    private const string ByHand = """
        {
          "alpha_pattern": {}, "auto_mapping": null, "base_model_name_or_path": "mistralai/Mistral-7B-v0.1", "bias": "none", "fan_in_fan_out": false,
          "inference_mode": true, "init_lora_weights": true, "layers_pattern": null, "layers_to_transform": null, "loftq_config": {}, "lora_alpha": 8, "lora_dropout": 0.1,
          "megatron_config": null, "megatron_core": "megatron.core", "modules_to_save": null, "peft_type": "LORA", "r": 2, "rank_pattern": {}, "revision": null,
          "target_modules": ["v_proj", "q_proj"], "task_type": "CAUSAL_LM", "use_rslora": false,
          "corda_config": null, "eva_config": null, "exclude_modules": null, "layer_replication": null, "lora_bias": false, "peft_version": "0.18.0", "qalora_group_size": 16,
          "target_parameters": null, "trainable_token_indices": null, "use_dora": false, "use_qalora": false
        }
        """;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData(ScalarType.Float32, false)]
    [InlineData(ScalarType.Float16, false)]
    [InlineData(ScalarType.BFloat16, true)]
    public void One_written_by_hand_is_the_matrix_plus_alpha_over_r_times_B_A(ScalarType stored, bool rslora)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Create();
        using var merged = TinyModel.Create();
        var batch = RaggedBatch.Of([1, 4, 9, 16, 25], [3, 8]);
        var factors = new Dictionary<string, Tensor>();
        foreach (var (module, inputs, outputs) in new[] { ("q_proj", 16, 16), ("v_proj", 16, 8) })
        {
            foreach (var layer in new[] { 0, 1 })
            {
                var (a, b) = ((rand(2, inputs) - 0.5).to_type(stored), (rand(outputs, 2) - 0.5).to_type(stored));
                factors[$"base_model.model.model.layers.{layer}.self_attn.{module}.lora_A.weight"] = a;
                factors[$"base_model.model.model.layers.{layer}.self_attn.{module}.lora_B.weight"] = b;
                using var noGradient = no_grad();
                merged.Parameters[$"model.layers.{layer}.self_attn.{module}.weight"].add_(b.@float().matmul(a.@float()) * (rslora ? 8 / Math.Sqrt(2) : 4));
            }
        }
        Write(rslora ? ByHand.Replace("\"use_rslora\": false", "\"use_rslora\": true", StringComparison.Ordinal) : ByHand, factors);
        model.Attach(AdapterFolder.Load(_folder.Path, model.Config, CPU, trainable: false));
        using var inference = no_grad();
        Near.Equal(merged.Logits(merged.HiddenStates(batch)), model.Logits(model.HiddenStates(batch)), 1e-5, "logits");
        using (model.With(null)) Near.Equal(TinyModel.Create().HiddenStates(batch), model.HiddenStates(batch), 0, "with the adapter off");
    }

    [Fact]
    public void Patterns_give_single_modules_a_rank_and_an_alpha_of_their_own()
    {
        Write(ByHand.Replace("\"rank_pattern\": {}", "\"rank_pattern\": {\"layers.1.self_attn.q_proj\": 3, \"v_proj\": 4}", StringComparison.Ordinal)
            .Replace("\"alpha_pattern\": {}", """ "alpha_pattern": {"^model\\.layers\\.0\\..*": 12} """, StringComparison.Ordinal));
        var config = AdapterConfigFile.Read(_folder.Path);
        Assert.Equal([(2, 6.0), (4, 3.0), (3, 8.0 / 3), (4, 2.0)], config.ModulesOf(TinyModel.Config).Select(module => (config.RankOf(module.Module), config.ScaleOf(module.Module))));
        Assert.Equal("2x16 16x2 4x16 8x4 3x16 16x3 4x16 8x4", string.Join(' ', config.WeightsOf(TinyModel.Config).Select(weight => string.Join('x', weight.Shape))));
        Assert.Equal(["model.layers.1.self_attn.q_proj", "model.layers.1.self_attn.v_proj"],
            (config with { LayersToTransform = [1] }).ModulesOf(TinyModel.Config).Select(module => module.Module));
    }

    [Fact]
    public void What_is_saved_is_what_is_read()
    {
        using var scope = NewDisposeScope();
        var config = TinyAdapter.Config(r: 3, alpha: 1.5, dropout: 0.25, rslora: true, modules: ["o_proj", "down_proj"]) with
        {
            RankPattern = new Dictionary<string, int> { ["down_proj"] = 2 },
            AlphaPattern = new Dictionary<string, double> { ["o_proj"] = 4 },
            LayersToTransform = [1],
        };
        using var adapter = TinyAdapter.Create(config, TinyModel.Config);
        foreach (var name in new[] { "one", "two" })
        {
            Directory.CreateDirectory(_folder.PathOf(name));
            using var read = name == "one" ? null : AdapterFolder.Load(_folder.PathOf("one"), TinyModel.Config, CPU, trainable: true);
            AdapterFolder.Save(_folder.PathOf(name), (read ?? adapter).Config, (read ?? adapter).Parameters.All);
        }
        foreach (var file in new[] { "adapter_config.json", "adapter_model.safetensors" })
            Assert.Equal(File.ReadAllBytes(_folder.PathOf($"one/{file}")), File.ReadAllBytes(_folder.PathOf($"two/{file}")));
    }

    /// <summary>A is uniform within 1 / sqrt(inputs), which is Kaiming's bound with a = sqrt 5; B is zero, and the model says what it said, to the last bit.</summary>
    [Fact]
    public void A_new_one_begins_as_PEFTs()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Create();
        var batch = RaggedBatch.Of([1, 4, 9]);
        var before = model.HiddenStates(batch).detach();
        var config = TinyAdapter.Config(r: 64);
        model.Attach(LoraAdapter.Fresh(config, model.Config, 5, CPU));
        Assert.True(before.equal(model.HiddenStates(batch)).all().item<bool>());
        foreach (var (name, factor) in model.Learned.All)
        {
            var bound = 1 / Math.Sqrt(factor.shape[1]);
            if (name.Contains("lora_A", StringComparison.Ordinal)) Assert.InRange(factor.abs().max().item<float>(), 0.95 * bound, bound);
            else Assert.Equal(0, factor.abs().max().item<float>());
        }
        using var same = LoraAdapter.Fresh(config, model.Config, 5, CPU);
        using var other = LoraAdapter.Fresh(config, model.Config, 6, CPU);
        var first = model.Learned.All.First();
        Assert.True(first.Value.equal(same.Parameters[first.Key]).all().item<bool>());
        Assert.False(first.Value.equal(other.Parameters[first.Key]).all().item<bool>());
    }

    [Theory]
    [InlineData("\"use_dora\": false", "\"use_dora\": true", "use_dora: found true, expected false: DoRA is not implemented")]
    [InlineData("\"bias\": \"none\"", "\"bias\": \"lora_only\"", "bias: found \"lora_only\", expected \"none\": biases are not implemented")]
    [InlineData("\"modules_to_save\": null", "\"modules_to_save\": [\"lm_head\"]",
        "modules_to_save: found [\"lm_head\"], expected null or []: modules that are trained as a whole are not implemented")]
    [InlineData("\"peft_type\": \"LORA\"", "\"peft_type\": \"IA3\"", "peft_type: found \"IA3\", expected \"LORA\"")]
    [InlineData("\"fan_in_fan_out\": false", "\"fan_in_fan_out\": true", "fan_in_fan_out: found true, expected false: transposed weights are not implemented")]
    [InlineData("\"init_lora_weights\": true", "\"init_lora_weights\": \"pissa\"",
        "init_lora_weights: found \"pissa\", expected true, false, \"gaussian\", \"orthogonal\" or \"eva\": it changes the weights of the model itself: convert the adapter with PEFT first")]
    [InlineData("\"lora_bias\": false", "\"lora_bias\": true", "lora_bias: found true, expected nothing: it is not known here")]
    [InlineData("\"trainable_token_indices\": null", "\"trainable_token_indices\": [1]", "trainable_token_indices: found [1], expected nothing: it is not known here")]
    [InlineData("\"use_qalora\": false", "\"of_next_year\": 3", "of_next_year: found 3, expected nothing: it is not known here")]
    [InlineData("\"target_modules\": [\"v_proj\", \"q_proj\"]", "\"target_modules\": [\"q_proj\", \"lm_head\"]",
        "target_modules: found lm_head, expected q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj or down_proj: adapters of other modules are not implemented")]
    [InlineData("\"target_modules\": [\"v_proj\", \"q_proj\"]", "\"target_modules\": \".*q_proj\"",
        "target_modules: found .*q_proj, expected a list of names: an expression is not implemented, write the names it stands for")]
    [InlineData("\"r\": 2", "\"r\": 0", "r: found 0, expected a whole number from 1 to 1048576")]
    [InlineData("\"rank_pattern\": {}", "\"rank_pattern\": {\"(\": 2}", "rank_pattern: found (, expected a name, or a regular expression for one")]
    [InlineData("\"lora_dropout\": 0.1", "\"lora_dropout\": 1", "lora_dropout: found 1, expected a number from 0 to under 1")]
    [InlineData("\"task_type\": \"CAUSAL_LM\"", "\"task_type\": \"SEQ_CLS\"", "task_type: found \"SEQ_CLS\", expected \"CAUSAL_LM\" or null: only language models are trained")]
    public void What_is_not_implemented_is_refused_in_a_sentence(string part, string otherwise, string expected)
    {
        Assert.Contains(part, ByHand, StringComparison.Ordinal);
        Write(ByHand.Replace(part, otherwise, StringComparison.Ordinal));
        Assert.Equal($"{_folder.PathOf("adapter_config.json")}: {expected}", Assert.Throws<UserErrorException>(() => AdapterConfigFile.Read(_folder.Path)).Message);
    }

    [Fact]
    public void Factors_that_are_not_the_configs_are_listed()
    {
        using var scope = NewDisposeScope();
        using var adapter = LoraAdapter.Fresh(TinyAdapter.Config(r: 2, modules: ["q_proj"]), TinyModel.Config, 5, CPU);
        var factors = adapter.Parameters.All.ToDictionary();
        factors["base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight"] = zeros(16, 3);
        factors["base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector"] = zeros(16);
        Write(ByHand.Replace("[\"v_proj\", \"q_proj\"]", "[\"q_proj\", \"layers.0.self_attn.k_proj\"]", StringComparison.Ordinal), factors);
        Assert.Equal($"{_folder.Path}: the adapter's weights do not fit adapter_config.json and the model under it: "
            + "2 missing (base_model.model.model.layers.0.self_attn.k_proj.lora_A.weight, base_model.model.model.layers.0.self_attn.k_proj.lora_B.weight); "
            + "1 unexpected (base_model.model.model.layers.0.self_attn.q_proj.lora_magnitude_vector); "
            + "1 mis-shaped (base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight is [16, 3] and should be [16, 2])",
            Assert.Throws<UserErrorException>(() => AdapterFolder.Load(_folder.Path, TinyModel.Config, CPU, trainable: false)).Message);
        File.Delete(_folder.PathOf("adapter_model.safetensors"));
        _folder.Write("adapter_model.bin", "x");
        Assert.StartsWith($"{_folder.Path}: there is no adapter_model.safetensors; pickled weights (adapter_model.bin) can run code and are never opened",
            Assert.Throws<UserErrorException>(() => AdapterFolder.Load(_folder.Path, TinyModel.Config, CPU, trainable: false)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void The_model_under_it_is_named_where_it_is_not_there()
    {
        Write(ByHand);
        Assert.Equal($"{_folder.Path} is an adapter on mistralai/Mistral-7B-v0.1, and there is no such folder, relative to the current one; if it is a name on the Hugging Face hub, "
            + "bring it here first: hf download mistralai/Mistral-7B-v0.1 --local-dir mistralai/Mistral-7B-v0.1; where the model stands elsewhere, say so "
            + "(base_model_name_or_path in training, --base elsewhere)", Assert.Throws<UserErrorException>(() => ModelSource.Of(_folder.Path)).Message);
        Assert.Equal($"{_folder.Path} is an adapter on {_folder.Path}, which is an adapter itself: expected a plain model; merge that one first (zephyr merge)",
            Assert.Throws<UserErrorException>(() => ModelSource.Of(_folder.Path, _folder.Path)).Message);
    }

    private void Write(string config, Dictionary<string, Tensor>? factors = null)
    {
        _folder.Write("adapter_config.json", config);
        if (factors is not null) WeightWriter.WriteFile(_folder.PathOf("adapter_model.safetensors"), factors);
    }
}
