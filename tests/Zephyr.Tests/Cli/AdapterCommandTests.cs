using System.Text.Json;
using Zephyr.Data.Batches;
using Zephyr.Model.Weights;
using Zephyr.Runtime;
using Zephyr.Tests.Golden;
using Zephyr.Tests.Pipeline;
using static TorchSharp.torch;

namespace Zephyr.Tests.Cli;

/// <summary>Adapters as a person has them: SFT on a model, DPO on that adapter, merged, and looked at on the way.</summary>
public sealed class AdapterCommandTests : IDisposable
{
    private static readonly (string, string)[] Lora =
        [("use_peft", "true"), ("lora_r", "4"), ("lora_alpha", "8"), ("lora_target_modules", "all-linear"), ("learning_rate", "2e-2")];

    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void From_SFT_to_a_merged_model()
    {
        Stage("sft", "sft");
        Stage("dpo", "dpo", ("model_name_or_path", _world.PathOf("sft")));
        var metrics = File.ReadLines(_world.PathOf("dpo/metrics.jsonl")).ToList();
        Assert.Equal(Math.Log(2), JsonDocument.Parse(metrics[0]).RootElement.GetProperty("eval_loss").GetDouble(), 1e-4);
        var merge = CliRun.Of("merge", "--model", _world.PathOf("dpo"), "--output_dir", _world.PathOf("merged"));
        Assert.Equal((0, $"{_world.PathOf("merged")}: {_world.Base} with 14 matrices of {_world.PathOf("dpo")} merged, 36,688 parameters in float32\n", ""), (merge.Code, merge.Output, merge.Error));
        Assert.Equal(["README.md", "config.json", "generation_config.json", "model.safetensors", "special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json"],
            _world.Names("merged"));
        SameLogits("dpo", "merged", 1e-5);
        // The two are one model, whoever is asked.
        var (adapter, plain) = (Evaluated("dpo", "sft"), Evaluated("merged", "sft"));
        foreach (var (name, value) in adapter) Assert.Equal(value, plain[name], 1e-4 * Math.Max(1, Math.Abs(value)));
        Assert.True(adapter["rewards/margins"] > 0);
        var ids = _world.Write("ids.jsonl", "{\"prompt_ids\": [1, 5, 9], \"completion_ids\": [30, 31, 2]}\n");
        var scores = new[] { "dpo", "merged" }.Select(model => Json("score", "--model", _world.PathOf(model), "--ids", ids, "--json")[0].GetProperty("sum_logp").GetDouble()).ToList();
        Assert.Equal(scores[0], scores[1], 1e-4);
        var answers = new[] { "dpo", "merged" }.Select(model => CliRun.Of("generate", "--model", _world.PathOf(model), "--prompt", "How old is the oak?", "--temperature", "0",
            "--max_new_tokens", "8")).ToList();
        Assert.Equal((0, ""), (answers[0].Code, answers[0].Error));
        Assert.Equal(answers[0], answers[1]);
        Assert.Equal(0, CliRun.Of("inspect", "checkpoint", _world.PathOf("dpo")).Code);
    }

    [Theory]
    [InlineData(ScalarType.BFloat16, null, ScalarType.BFloat16)]
    [InlineData(ScalarType.Float16, null, ScalarType.Float16)]
    [InlineData(ScalarType.BFloat16, "float32", ScalarType.Float32)]
    [InlineData(ScalarType.Float32, "bfloat16", ScalarType.BFloat16)]
    public void A_merged_model_is_rounded_once_to_the_data_type_of_the_model_or_the_one_asked_for(ScalarType stored, string? asked, ScalarType written)
    {
        using var scope = NewDisposeScope();
        using (var model = ModelFolder.Load(_world.Base, stored, CPU, trainable: false))
            ModelFolder.Save(_world.Base, model.Config, model.Parameters.All, long.MaxValue);
        Stage("sft", "sft");
        string[] dtype = asked is null ? [] : ["--dtype", asked];
        var merge = CliRun.Of(["merge", "--model", _world.PathOf("sft"), "--output_dir", _world.PathOf("merged"), "--max_shard_size", "40KB", .. dtype]);
        Assert.Equal((0, ""), (merge.Code, merge.Error));
        Assert.Contains("model-00001-of-", string.Join(' ', _world.Names("merged")), StringComparison.Ordinal);
        var source = ModelSource.Of(_world.PathOf("sft"));
        using var adapter = AdapterFolder.Load(_world.PathOf("sft"), source.ReadConfig(), CPU, trainable: false);
        using var plain = ModelFolder.Load(_world.Base, ScalarType.Float32, CPU, trainable: false);
        using var merged = ModelFolder.Load(_world.PathOf("merged"), written, CPU, trainable: false);
        Assert.Equal(written, AdapterMerge.StoredType(_world.PathOf("merged"), merged.Config));
        foreach (var (name, weight) in plain.Parameters.All)
        {
            var expected = adapter.MapOf(name[..^".weight".Length]) is { } map ? weight + map.Product() : weight;
            Assert.True(expected.to_type(written).equal(merged.Parameters[name]).all().item<bool>(), name);
        }
        Assert.Equal(written switch { ScalarType.Float32 => "float32", ScalarType.Float16 => "float16", _ => "bfloat16" },
            JsonDocument.Parse(File.ReadAllBytes(_world.PathOf("merged/config.json"))).RootElement.GetProperty("torch_dtype").GetString());
    }

    [Fact]
    public void A_merge_overwrites_nothing_and_leaves_nothing_half_done()
    {
        Stage("sft", "sft");
        string Refusal(params string[] more)
        {
            var run = CliRun.Of(["merge", "--model", _world.PathOf("sft"), .. more]);
            Assert.Equal((2, ""), (run.Code, run.Output));
            return run.Error;
        }
        var before = _world.Bytes("base");
        Assert.Equal($"zephyr: output_dir: {_world.Base} is there already, expected a new folder: nothing is overwritten\n", Refusal("--output_dir", _world.Base));
        Assert.Equal(before.Keys.Order(StringComparer.Ordinal), _world.Bytes("base").Keys.Order(StringComparer.Ordinal));
        var plain = CliRun.Of("merge", "--model", _world.Base, "--output_dir", _world.PathOf("new"));
        Assert.Equal((2, $"zephyr: {_world.Base}: there is no adapter_config.json; expected a PEFT adapter folder, a plain model has nothing to merge\n"), (plain.Code, plain.Error));
        Directory.Move(_world.Base, _world.PathOf("moved"));
        Assert.StartsWith($"zephyr: {_world.PathOf("sft")} is an adapter on {_world.Base}, and there is no such folder", Refusal("--output_dir", _world.PathOf("new")), StringComparison.Ordinal);
        // A model of another shape is no model under it.
        _world.WriteModel("other", vocabulary: 1001);
        Directory.CreateDirectory(_world.PathOf("empty"));
        Assert.Equal(0, CliRun.Of("merge", "--model", _world.PathOf("sft"), "--base", _world.PathOf("moved"), "--output_dir", _world.PathOf("empty")).Code);
        Assert.Equal((_world.Names("empty").Length, 0), (8, _world.Names(".").Count(name => name.EndsWith(".tmp", StringComparison.Ordinal))));
        Assert.Equal(0, CliRun.Of("generate", "--model", _world.PathOf("sft"), "--base", _world.PathOf("moved"), "--prompt", "Oak?", "--max_new_tokens", "2").Code);
        Assert.False(Directory.Exists(_world.PathOf("new")));
    }

    [Fact]
    public void An_adapter_is_told_by_its_headers()
    {
        Stage("sft", "sft");
        var run = CliRun.Of("inspect", "model", _world.PathOf("sft"));
        Assert.Equal((0, ""), (run.Code, run.Error));
        foreach (var line in new[] { "LoRA adapter", "rank", "q_proj, k_proj, v_proj, o_proj, gate_proj, up_proj, down_proj", "model.layers.0-1.mlp.down_proj.lora_A.weight",
            $"model under it: {_world.Base}", "tokenizer: 1000 pieces", "whole: a stage can start from it" })
            Assert.Contains(line, run.Output, StringComparison.Ordinal);
        var json = Json("inspect", "model", _world.PathOf("sft"), "--json");
        Assert.Equal((true, 28, 4), (json.GetProperty("is_whole").GetBoolean(), json.GetProperty("tensors").GetArrayLength(), json.GetProperty("config").GetProperty("r").GetInt32()));
        Directory.Move(_world.Base, _world.PathOf("moved"));
        var alone = CliRun.Of("inspect", "model", _world.PathOf("sft"));
        Assert.Equal(2, alone.Code);
        Assert.Contains("not whole: no stage can start from it", alone.Output, StringComparison.Ordinal);
        Assert.Equal(0, CliRun.Of("inspect", "model", _world.PathOf("sft"), "--base", _world.PathOf("moved")).Code);
    }

    [Fact]
    public void A_dry_run_counts_what_an_adapter_takes()
    {
        var run = CliRun.Of(Args("dpo", "out", [.. Lora, ("bf16", "true")]));
        Assert.Equal(0, run.Code);
        // 2 layers of (2 (16 + 16) + 2 (16 + 8) + 3 (16 + 32)) x 4 numbers.
        foreach (var line in new[] { "# model", "2,048 parameters that learn beside 36,688 that do not, bfloat16 with float32 adapters and moments on cpu", "reference: adapter",
            $"# reference: {_world.Base}, which is the policy with its adapter off", "# the adapter's dropout is not applied: disable_dropout is true, as in TRL's DPO" })
            Assert.Contains(line, run.Output, StringComparison.Ordinal);
        Assert.False(Directory.Exists(_world.PathOf("out")));
    }

    [Fact]
    public void Speed_is_told_of_adapters_too()
    {
        var pairs = _world.Write("pairs-ids.jsonl", string.Concat(Enumerable.Range(0, 8).Select(i => $"{{\"prompt_ids\": [1, {i + 3}], \"chosen_ids\": [{i + 20}, 2], \"rejected_ids\": [{i + 40}, 2]}}\n")));
        var losses = new[] { "adapter", "frozen", "cached" }.Select(reference => Json("bench", "dpo", "--size", "tiny", "--pairs", pairs, "--use_peft", "true", "--lora_dropout", "0",
            "--learning_rate", "1e-2", "--reference", reference, "--steps", "2", "--json").GetProperty("loss").EnumerateArray().Select(loss => loss.GetDouble()).ToList()).ToList();
        Assert.Equal(Math.Log(2), losses[0][0], 1e-6);
        Assert.True(losses[0][^1] < Math.Log(2) - 1e-4);
        foreach (var other in losses[1..]) foreach (var (a, b) in losses[0].Zip(other)) Assert.Equal(a, b, 1e-5);
    }

    private void SameLogits(string one, string other, double tolerance)
    {
        using var scope = NewDisposeScope();
        using var noGradient = no_grad();
        var batch = RaggedBatch.Of([1, 40, 90, 160, 250, 36], [1, 3, 700]);
        var logits = new[] { one, other }.Select(folder =>
        {
            using var model = ModelFolder.Load(_world.PathOf(folder), ScalarType.Float32, ComputeDevice.Resolve("cpu"), trainable: false);
            return model.Logits(model.HiddenStates(batch));
        }).ToList();
        Near.Equal(logits[0], logits[1], tolerance, "logits");
    }

    private Dictionary<string, double> Evaluated(string model, string reference) => JsonSerializer.Deserialize<Dictionary<string, double>>(Json("eval", "--model", _world.PathOf(model),
        "--ref_model", _world.PathOf(reference), "--pairs", _world.Pairs, "--max_length", "64", "--max_prompt_length", "32", "--json"))!;

    private void Stage(string stage, string output, params (string, string)[] more)
    {
        var run = CliRun.Of([.. Args(stage, output, [.. Lora, .. more]).Where(arg => arg != "--dry-run"), "--quiet"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
    }

    private string[] Args(string stage, string output, (string, string)[] more) =>
        [stage, "--dry-run", .. _world.KeysOf(stage, output, more).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value })];

    private static JsonElement Json(params string[] args)
    {
        var run = CliRun.Of(args);
        Assert.True(run.Code == 0, run.Error);
        return JsonDocument.Parse(run.Output).RootElement;
    }
}
