using System.Text.Json;
using Zephyr.Tests.Pipeline;

namespace Zephyr.Tests.Cli;

public sealed class InspectModelTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void A_model_is_told_by_its_headers()
    {
        var run = CliRun.Of("inspect", "model", _world.Base);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(
            [
                "MistralForCausalLM value", "hidden size 16", "layers 2", "query heads 2", "key-value heads 1", "head width 8", "feed-forward size 32",
                "vocabulary 1,000", "positions 128", "sliding window 32", "rope theta 10,000", "head its own", "parameters 36,688", "tensors 21", "bytes of weights 146,752",
                "file tensors bytes", $"model.safetensors 21 {new FileInfo(Path.Combine(_world.Base, "model.safetensors")).Length:N0}",
                "tensor count type shape bytes file",
                "model.embed_tokens.weight 1 F32 1000 x 16 64,000 model.safetensors",
                "model.layers.0-1.input_layernorm.weight 2 F32 16 128 model.safetensors",
                "model.layers.0-1.self_attn.q_proj.weight 2 F32 16 x 16 2,048 model.safetensors",
                "model.layers.0-1.self_attn.k_proj.weight 2 F32 8 x 16 1,024 model.safetensors",
                "model.layers.0-1.self_attn.v_proj.weight 2 F32 8 x 16 1,024 model.safetensors",
                "model.layers.0-1.self_attn.o_proj.weight 2 F32 16 x 16 2,048 model.safetensors",
                "model.layers.0-1.post_attention_layernorm.weight 2 F32 16 128 model.safetensors",
                "model.layers.0-1.mlp.gate_proj.weight 2 F32 32 x 16 4,096 model.safetensors",
                "model.layers.0-1.mlp.up_proj.weight 2 F32 32 x 16 4,096 model.safetensors",
                "model.layers.0-1.mlp.down_proj.weight 2 F32 16 x 32 4,096 model.safetensors",
                "model.norm.weight 1 F32 16 64 model.safetensors",
                "lm_head.weight 1 F32 1000 x 16 64,000 model.safetensors",
                "tokenizer: 1000 pieces", "generation_config.json: bos_token_id 1, eos_token_id 2", "whole: a stage can start from it",
            ], Lines(run.Output));
        Assert.Contains("model.layers.1.mlp.up_proj.weight", CliRun.Of("inspect", "model", "--all", _world.Base).Output);
        Assert.Equal(run, CliRun.Of("inspect", "model", "--model", _world.Base));
    }

    [Fact]
    public void What_does_not_fit_is_named_and_ends_with_2()
    {
        Change("\"num_hidden_layers\": 2", "\"num_hidden_layers\": 3");
        Change("\"vocab_size\": 1000", "\"vocab_size\": 999");
        File.Delete(Path.Combine(_world.Base, "generation_config.json"));
        var run = CliRun.Of("inspect", "model", _world.Base);
        Assert.Equal((2, ""), (run.Code, run.Error));
        Assert.Equal(
            [
                $"tokenizer: the tokenizer has 1000 pieces and {_world.Base} an embedding of 999 rows: expected a tokenizer that fits the model",
                "generation_config.json: none",
                .. new[]
                {
                    "input_layernorm", "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj", "post_attention_layernorm",
                    "mlp.gate_proj", "mlp.up_proj", "mlp.down_proj",
                }.Select(name => $"missing: model.layers.2.{name}.weight"),
                "mis-shaped: model.embed_tokens.weight is [1000, 16] and should be [999, 16]",
                "mis-shaped: lm_head.weight is [1000, 16] and should be [999, 16]",
                "not whole: no stage can start from it",
            ], Lines(run.Output)[30..]);
        Change("\"num_hidden_layers\": 3", "\"num_hidden_layers\": 1");
        Assert.Contains("\nunexpected: model.layers.1.mlp.up_proj.weight\n", CliRun.Of("inspect", "model", _world.Base).Output);
    }

    [Fact]
    public void A_model_without_its_tokenizer_is_told_so()
    {
        foreach (var file in Directory.EnumerateFiles(_world.Base, "*token*")) File.Delete(file);
        var run = CliRun.Of("inspect", "model", _world.Base);
        Assert.Equal(2, run.Code);
        Assert.Contains($"tokenizer: {_world.Base}: found no tokenizer, expected tokenizer.model ", run.Output);
    }

    [Fact]
    public void As_json_it_is_one_document()
    {
        var json = JsonDocument.Parse(CliRun.Of("inspect", "model", _world.Base, "--json").Output).RootElement;
        Assert.Equal((36688, 2, true, true), (json.GetProperty("parameters").GetInt64(), json.GetProperty("config").GetProperty("num_hidden_layers").GetInt32(),
            json.GetProperty("tokenizer_fits").GetBoolean(), json.GetProperty("is_whole").GetBoolean()));
        var tensor = json.GetProperty("tensors")[0];
        Assert.Equal(("model.embed_tokens.weight", "F32", "[1000,16]", 64000, "model.safetensors"), (tensor.GetProperty("name").GetString(),
            tensor.GetProperty("dtype").GetString(), tensor.GetProperty("shape").GetRawText(), tensor.GetProperty("bytes").GetInt64(), tensor.GetProperty("file").GetString()));
    }

    [Fact]
    public void Shards_are_listed()
    {
        _world.Run("sft", "out", more: [("max_shard_size", "70KB"), ("max_steps", "1")]);
        var lines = Lines(CliRun.Of("inspect", "model", _world.PathOf("out")).Output);
        Assert.Equal(3, lines.Count(line => line.StartsWith("model-0000", StringComparison.Ordinal)));
        File.Delete(_world.PathOf("out/model-00002-of-00003.safetensors"));
        Assert.Equal(new(2, "", $"zephyr: {_world.PathOf("out")}: 1 of the 3 files that model.safetensors.index.json names are missing (model-00002-of-00003.safetensors)\n"),
            CliRun.Of("inspect", "model", _world.PathOf("out")));
    }

    private void Change(string from, string to)
    {
        var config = Path.Combine(_world.Base, "config.json");
        var text = File.ReadAllText(config);
        Assert.Contains(from, text);
        File.WriteAllText(config, text.Replace(from, to, StringComparison.Ordinal));
    }

    internal static string[] Lines(string output) =>
        [.. output.Split('\n').Select(line => string.Join(' ', line.Split(' ', StringSplitOptions.RemoveEmptyEntries))).Where(line => line.Length > 0 && line[0] != '─')];
}
