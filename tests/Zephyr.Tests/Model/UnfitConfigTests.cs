using System.Text.Json.Nodes;
using Zephyr.Model;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Model;

/// <summary>A config.json that asks for something else than is implemented is refused by name.</summary>
public sealed class UnfitConfigTests : IDisposable
{
    private readonly TempFolder _folder = new();

    [Theory]
    [InlineData("""{"architectures": null}""", "architectures: found nothing, expected [\"MistralForCausalLM\"] or [\"LlamaForCausalLM\"]")]
    [InlineData("""{"architectures": ["MixtralForCausalLM"]}""", "architectures: found [\"MixtralForCausalLM\"], expected [\"MistralForCausalLM\"] or [\"LlamaForCausalLM\"]")]
    [InlineData("""{"architectures": ["MistralModel", "MistralForCausalLM"]}""",
        "architectures: found [\"MistralModel\",\"MistralForCausalLM\"], expected [\"MistralForCausalLM\"] or [\"LlamaForCausalLM\"]")]
    [InlineData("""{"architectures": [3]}""", "architectures: found 3, expected a string")]
    [InlineData("""{"hidden_act": "gelu"}""", "hidden_act: found \"gelu\", expected \"silu\"")]
    [InlineData("""{"attention_bias": true}""", "attention_bias: found true, expected false: biases are not implemented")]
    [InlineData("""{"mlp_bias": true}""", "mlp_bias: found true, expected false: biases are not implemented")]
    [InlineData("""{"mlp_bias": "no"}""", "mlp_bias: found \"no\", expected true or false")]
    [InlineData("""{"quantization_config": {"bits": 4}}""", "quantization_config: found one, expected none: quantized weights are not implemented")]
    [InlineData("""{"attention_dropout": 0.1}""", "attention_dropout: found 0.1, expected 0: the recipe trains without dropout")]
    [InlineData("""{"pretraining_tp": 2}""", "pretraining_tp: found 2, expected 1")]
    [InlineData("""{"partial_rotary_factor": 0.5}""", "partial_rotary_factor: found 0.5, expected 1: partial rotation is not implemented")]
    [InlineData("""{"rope_scaling": {"type": "linear", "factor": 2.0}}""", "rope_scaling.type: found \"linear\", expected \"default\": rope scaling is not implemented")]
    [InlineData("""{"rope_scaling": {"rope_type": "llama3", "factor": 8.0}}""", "rope_scaling.rope_type: found \"llama3\", expected \"default\": rope scaling is not implemented")]
    [InlineData("""{"rope_parameters": {"rope_theta": 1e6, "rope_type": "yarn", "factor": 4}}""",
        "rope_parameters.rope_type: found \"yarn\", expected \"default\": rope scaling is not implemented")]
    [InlineData("""{"rope_parameters": {"rope_type": "default", "type": "dynamic"}}""", "rope_parameters.type: found \"dynamic\", expected \"default\": rope scaling is not implemented")]
    [InlineData("""{"rope_scaling": {"factor": 2.0}}""", "rope_scaling.factor: found 2.0, expected no such key: rope scaling is not implemented")]
    [InlineData("""{"rope_parameters": {"rope_type": "default", "partial_rotary_factor": 0.5}}""",
        "rope_parameters.partial_rotary_factor: found 0.5, expected no such key: rope scaling is not implemented")]
    [InlineData("""{"rope_scaling": "linear"}""", "rope_scaling: found \"linear\", expected an object or null")]
    public void What_is_not_implemented_is_refused(string change, string problem) => Assert.Equal(problem, ProblemWith(change));

    [Theory]
    [InlineData("""{"vocab_size": null}""", "vocab_size: found nothing, expected a whole number from 1")]
    [InlineData("""{"hidden_size": "64"}""", "hidden_size: found \"64\", expected a whole number from 1")]
    [InlineData("""{"hidden_size": 64.5}""", "hidden_size: found 64.5, expected a whole number from 1")]
    [InlineData("""{"hidden_size": 66}""", "hidden_size: found 66, expected a multiple of num_attention_heads (4), or a head_dim beside it")]
    [InlineData("""{"hidden_size": 2}""", "hidden_size: found 2, expected a multiple of num_attention_heads (4), or a head_dim beside it")]
    [InlineData("""{"intermediate_size": 3000000000}""", "intermediate_size: found 3000000000, expected a whole number from 1")]
    [InlineData("""{"num_hidden_layers": 0}""", "num_hidden_layers: found 0, expected a whole number from 1 to 10000")]
    [InlineData("""{"num_hidden_layers": 2000000000}""", "num_hidden_layers: found 2000000000, expected a whole number from 1 to 10000")]
    [InlineData("""{"num_attention_heads": -4}""", "num_attention_heads: found -4, expected a whole number from 1")]
    [InlineData("""{"num_key_value_heads": 3}""", "num_key_value_heads: found 3, expected a divisor of num_attention_heads (4)")]
    [InlineData("""{"head_dim": 5}""", "head_dim: found 5, expected an even number")]
    [InlineData("""{"hidden_size": 20}""", "head_dim: found 5, expected an even number")]
    [InlineData("""{"rms_norm_eps": "1e-5"}""", "rms_norm_eps: found \"1e-5\", expected a number of at least 0")]
    [InlineData("""{"rms_norm_eps": 1e999}""", "rms_norm_eps: found 1e999, expected a number of at least 0")]
    [InlineData("""{"rope_theta": 0}""", "rope_theta: found 0, expected a number > 0")]
    [InlineData("""{"rope_parameters": {"rope_theta": 1e999}}""", "rope_theta: found 1e999, expected a number > 0")]
    [InlineData("""{"sliding_window": 0}""", "sliding_window: found 0, expected a whole number from 1")]
    [InlineData("""{"eos_token_id": []}""", "eos_token_id: found [], expected a whole number from 0")]
    [InlineData("""{"eos_token_id": [-1]}""", "eos_token_id: found [-1], expected a whole number from 0")]
    public void What_is_not_a_fitting_number_is_named(string change, string problem) => Assert.Equal(problem, ProblemWith(change));

    [Theory]
    [InlineData("", "not valid JSON")]
    [InlineData("{\"vocab_size\": NaN}", "not valid JSON")]
    [InlineData("{\"vocab_size\": 1, \"vocab_size\": 2}", "not valid JSON")]
    [InlineData("[]", "expected a JSON object")]
    [InlineData("null", "expected a JSON object")]
    [InlineData("{\"architectures\": [\"\\ud800\"]}", "not valid JSON")]
    public void A_file_that_is_no_config_is_called_so(string content, string problem) => Assert.StartsWith(problem, ProblemOf(content));

    [Fact]
    public void A_folder_without_a_config_says_what_belongs_there()
    {
        Assert.Equal($"{_folder.Path}: there is no config.json; a model folder holds config.json, *.safetensors and tokenizer.model", Throws(_folder.Path));
        Assert.Equal($"{_folder.PathOf("nowhere")}: there is no such model folder", Throws(_folder.PathOf("nowhere")));
    }

    public void Dispose() => _folder.Dispose();

    private static string Throws(string folder) => Assert.Throws<UserErrorException>(() => MistralConfigFile.Read(folder)).Message;

    /// <summary>The golden config without head_dim, with the keys of <paramref name="change"/> put over its own; null removes a key.</summary>
    private string ProblemWith(string change)
    {
        var json = JsonNode.Parse(File.ReadAllText(Path.Combine(SharedFolder.RepositoryRoot, "tests/Zephyr.Tests/Golden/model/sw8/policy/config.v4.json")))!.AsObject();
        json.Remove("head_dim");
        foreach (var (key, value) in JsonNode.Parse(change)!.AsObject())
            if (value is null) json.Remove(key);
            else json[key] = value.DeepClone();
        return ProblemOf(json.ToJsonString());
    }

    private string ProblemOf(string content)
    {
        var prefix = $"{_folder.Write("config.json", content)}: ";
        var message = Throws(_folder.Path);
        Assert.StartsWith(prefix, message);
        return message[prefix.Length..];
    }
}
