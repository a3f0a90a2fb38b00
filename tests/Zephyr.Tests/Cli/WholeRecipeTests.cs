using System.Text.Json;
using Zephyr.Tests.Pipeline;

namespace Zephyr.Tests.Cli;

/// <summary>The whole recipe as a person runs it: sft, aif, dpo, eval, generate, on files, by the program's own options.</summary>
public sealed class WholeRecipeTests : IDisposable
{
    private static readonly string[] Tokenizer = ["special_tokens_map.json", "tokenizer.json", "tokenizer.model", "tokenizer_config.json"];
    private static readonly string[] Model = ["README.md", "config.json", "generation_config.json", "model.safetensors", .. Tokenizer];
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public void From_dialogues_to_an_aligned_model()
    {
        Stage("sft", "sft");
        OutputFolder("sft", ["loss"]);

        var aif = CliRun.Of("aif", "--feedback", _world.Feedback, "--output_dir", _world.PathOf("aif"), "--test_fraction", "0.2");
        Assert.Equal((0, ""), (aif.Code, aif.Error));
        Assert.NotEqual("", aif.Output);
        Assert.Equal(["audit.json", "run.json", "test_prefs.jsonl", "test_prefs.parquet", "train_prefs.jsonl", "train_prefs.parquet"],
            _world.Names("aif").Where(name => name != "zephyr.log"));
        Assert.Equal(["prompt", "prompt_id", "chosen", "rejected", "messages", "score_chosen", "score_rejected", "model_chosen", "model_rejected"],
            JsonDocument.Parse(File.ReadLines(_world.PathOf("aif/train_prefs.jsonl")).First()).RootElement.EnumerateObject().Select(field => field.Name));

        Stage("dpo", "dpo", ("model_name_or_path", _world.PathOf("sft")), ("dataset", _world.PathOf("aif/train_prefs.parquet")),
            ("eval_fraction", "0"), ("eval_dataset", _world.PathOf("aif/test_prefs.parquet")));
        OutputFolder("dpo", ["loss", "rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins", "logps/chosen", "logps/rejected",
            "logits/chosen", "logits/rejected"]);

        Evaluated();
        var answer = CliRun.Of("generate", "--model", _world.PathOf("dpo"), "--prompt", "How old is the oak?", "--temperature", "0", "--max_new_tokens", "8");
        Assert.Equal((0, ""), (answer.Code, answer.Error));
        Assert.EndsWith("\n", answer.Output, StringComparison.Ordinal);
        Assert.Equal(answer, CliRun.Of("generate", "--model", _world.PathOf("dpo"), "--prompt", "How old is the oak?", "--temperature", "0", "--max_new_tokens", "8"));
    }

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void The_same_seed_gives_the_same_bytes_and_another_one_does_not(string stage)
    {
        foreach (var output in new[] { "one", "two" }) Stage(stage, output);
        Stage(stage, "other", ("seed", "43"));
        var (one, two, other) = (_world.Bytes("one"), _world.Bytes("two"), _world.Bytes("other"));
        Assert.Equal(one.Keys.Order(StringComparer.Ordinal), two.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, bytes) in one) Assert.True(bytes.AsSpan().SequenceEqual(two[name]), $"{name} differs");
        foreach (var name in new[] { "metrics.jsonl", "model.safetensors" }) Assert.NotEqual(one[name], other[name]);
    }

    [Theory]
    [InlineData("false", "float32", "float32")]
    [InlineData("true", "float32", "float32")]
    [InlineData("true", "bfloat16", "bfloat16")]
    public void The_data_type_that_was_asked_for_is_written(string bf16, string asked, string written)
    {
        Stage("sft", "out", ("bf16", bf16), ("torch_dtype", asked));
        foreach (var folder in new[] { "out", "out/checkpoint-8" })
        {
            Assert.Equal(written, Json($"{folder}/config.json").GetProperty("torch_dtype").GetString());
            var types = Zephyr.Model.Weights.SafetensorsFile.Open(_world.PathOf($"{folder}/model.safetensors")).Entries.Values.Select(entry => $"{entry.Dtype}");
            Assert.Equal([written == "float32" ? "Float32" : "BFloat16"], types.Distinct());
        }
    }

    [Fact]
    public void Large_weights_are_written_in_shards_that_are_read_again()
    {
        Stage("sft", "sharded", ("max_shard_size", "40KB"));
        Assert.Contains("model.safetensors.index.json", _world.Names("sharded"));
        Assert.DoesNotContain("model.safetensors", _world.Names("sharded"));
        Stage("sft", "again", ("model_name_or_path", _world.PathOf("sharded")), ("num_train_epochs", "1"));
        var second = CliRun.Of(Args("sft", "sharded"));
        Assert.Equal((2, $"zephyr: output_dir: {_world.PathOf("sharded")} already holds a finished run; start over with overwrite_output_dir: true\n"), (second.Code, second.Error));
    }

    private void Stage(string stage, string output, params (string, string)[] more)
    {
        var run = CliRun.Of(Args(stage, output, more));
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal("", run.Output);
        Assert.NotEqual("", run.Error);
    }

    private string[] Args(string stage, string output, params (string, string)[] more) =>
        [stage, .. _world.KeysOf(stage, output, more).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value })];

    /// <summary>Exactly what CONTRACTS.md lists.</summary>
    private void OutputFolder(string output, string[] metrics)
    {
        string[] checkpoints = [.. _world.Names(output).Where(name => name.StartsWith("checkpoint-", StringComparison.Ordinal))];
        Assert.NotEmpty(checkpoints);
        string[] expected = [.. Model, "metrics.jsonl", "run.json", "timings.jsonl", "zephyr.log", .. checkpoints];
        Assert.Equal(expected.Order(StringComparer.Ordinal), _world.Names(output));
        string[] inCheckpoint = [.. Model, "manifest.json", "optimizer.safetensors", "trainer_state.json"];
        Assert.All(checkpoints, checkpoint => Assert.Equal(inCheckpoint.Order(StringComparer.Ordinal), _world.Names($"{output}/{checkpoint}")));

        var lines = File.ReadLines(_world.PathOf($"{output}/metrics.jsonl")).Select(line => JsonSerializer.Deserialize<Dictionary<string, double>>(line)!).ToList();
        Assert.All(lines, line => Assert.Contains(string.Join(' ', line.Keys), (string[])
        [
            string.Join(' ', (string[])["step", "epoch", .. metrics, "grad_norm", "learning_rate", "num_tokens"]),
            string.Join(' ', (string[])["step", "epoch", .. metrics.Select(name => $"eval_{name}")]),
        ]));
        Assert.Equal((0.0, true), (lines[0]["step"], lines[0].ContainsKey("eval_loss")));
        Assert.Equal(lines[^2]["step"], lines[^1]["step"]);
        Assert.Equal(metrics.Length > 1 ? Math.Log(2) : lines[0]["eval_loss"], lines[0]["eval_loss"], 1e-6);

        var record = Json($"{output}/run.json");
        Assert.Equal(["stage", "repeat", "zephyr", "dotnet", "git_commit", "system", "processor", "seed", "config", "sha256", "torchsharp", "libtorch", "threads", "device", "precision",
            "resumed_from", "ignored", "parts"],
            record.EnumerateObject().Select(entry => entry.Name));
        Assert.Equal("option --output_dir", record.GetProperty("config").GetProperty("output_dir").GetProperty("origin").GetString());
        Assert.All(record.GetProperty("sha256").EnumerateObject(), entry => Assert.Matches("^[0-9a-f]{64}$", entry.Value.GetString()!));
    }

    private void Evaluated()
    {
        var pairs = CliRun.Of("eval", "--model", _world.PathOf("dpo"), "--ref_model", _world.PathOf("sft"), "--pairs", _world.PathOf("aif/test_prefs.parquet"),
            "--max_length", "64", "--max_prompt_length", "32", "--json");
        Assert.Equal(0, pairs.Code);
        Assert.StartsWith("held-out data: 3 pairs; 1 prompts cut to 32 tokens", pairs.Error, StringComparison.Ordinal);
        var last = File.ReadLines(_world.PathOf("dpo/metrics.jsonl")).Last();
        using JsonDocument evaluated = JsonDocument.Parse(pairs.Output), logged = JsonDocument.Parse(last);
        // The evaluation after the last step saw the same weights and rows.
        foreach (var name in new[] { "loss", "rewards/accuracies", "rewards/margins" })
            Assert.Equal(logged.RootElement.GetProperty($"eval_{name}").GetDouble(), evaluated.RootElement.GetProperty(name).GetDouble(), 1e-5);
        // As a run was trained, so it is judged.
        var handbook = CliRun.Of("eval", "--model", _world.PathOf("dpo"), "--ref_model", _world.PathOf("sft"), "--pairs", _world.PathOf("aif/test_prefs.parquet"),
            "--max_length", "64", "--max_prompt_length", "32", "--tokenization", "handbook-v0.3", "--json");
        Assert.Equal(0, handbook.Code);
        using (var otherwise = JsonDocument.Parse(handbook.Output))
            Assert.NotEqual(evaluated.RootElement.GetProperty("logps/chosen").GetDouble(), otherwise.RootElement.GetProperty("logps/chosen").GetDouble(), 1.0);
        var conversations = CliRun.Of("eval", "--model", _world.PathOf("sft"), "--conversations", _world.Dialogues,
            "--max_length", "64", "--json");
        Assert.Equal(0, conversations.Code);
        using var result = JsonDocument.Parse(conversations.Output);
        Assert.Equal(Math.Exp(result.RootElement.GetProperty("loss").GetDouble()), result.RootElement.GetProperty("perplexity").GetDouble(), 1e-9);
        Assert.Equal(11, result.RootElement.GetProperty("rows").GetDouble());
    }

    private JsonElement Json(string name) => JsonDocument.Parse(File.ReadAllBytes(_world.PathOf(name))).RootElement;
}
