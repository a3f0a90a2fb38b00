using System.Diagnostics;
using System.Security.Cryptography;
using System.Text.Json.Nodes;
using Zephyr.Tests.Cli;
using Zephyr.Tests.Training;

namespace Zephyr.Tests.Pipeline;

/// <summary>run.json says what went in, on which ground it ran, what became of it, and how to have it again.</summary>
public sealed class RunRecordTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void What_went_in_and_on_which_ground(string stage)
    {
        _world.Run(stage, "out");
        var record = Record("out");
        var rows = stage == "sft" ? _world.Dialogues : _world.Pairs;
        foreach (var file in new[] { rows, Path.Combine(_world.Base, "model.safetensors"), Path.Combine(_world.Base, "tokenizer.model"), Path.Combine(_world.Base, "config.json") })
            Assert.Equal(Convert.ToHexStringLower(SHA256.HashData(File.ReadAllBytes(file))), (string?)record["sha256"]![file]);
        foreach (var key in new[] { "zephyr", "dotnet", "torchsharp", "system", "device", "precision", "repeat" }) Assert.False(string.IsNullOrEmpty((string?)record[key]), key);
        Assert.StartsWith("2.10.", (string?)record["libtorch"]!["version"], StringComparison.Ordinal);
        Assert.True((int)record["threads"]! > 0);
        Assert.Equal(42, (int)record["seed"]!);
        Assert.Equal("option --learning_rate", (string?)record["config"]!["learning_rate"]!["origin"]);
        if (File.ReadAllText("/proc/cpuinfo").Contains("model name", StringComparison.Ordinal)) Assert.False(string.IsNullOrEmpty((string?)record["processor"]));
        Assert.True(record.ContainsKey("git_commit"));
    }

    [Fact]
    public void A_tokenizer_of_its_own_is_hashed_too()
    {
        var other = _world.WriteModel("other", seed: 2);
        _world.Run("sft", "out", more: [("tokenizer_name_or_path", other), ("max_steps", "1")]);
        Assert.NotNull(Record("out")["sha256"]![Path.Combine(other, "tokenizer.model")]);
    }

    [Fact]
    public void Every_part_of_a_run_is_kept_with_what_it_used()
    {
        _world.Run("sft", "straight");
        var whole = Assert.Single(Parts("straight"));
        Assert.Equal(("finished", 0, 9), ((string?)whole["outcome"], (int)whole["from_step"]!, (int)whole["to_step"]!));
        using (var stop = new StopAfter(3)) _world.Run("sft", "out", stop);
        // As kill -9 leaves it.
        var path = _world.PathOf("out/run.json");
        var record = Record("out");
        ((JsonArray)record["parts"]!).Add(new JsonObject { ["outcome"] = "running", ["started"] = "2024-01-01T00:00:00Z", ["from_step"] = 3 });
        File.WriteAllText(path, record.ToJsonString());
        _world.Run("sft", "out");
        var parts = Parts("out");
        Assert.Equal(["interrupted", "broken off", "finished"], parts.Select(part => (string?)part["outcome"]));
        Assert.Equal([0, 3, 3], parts.Select(part => (int)part["from_step"]!));
        Assert.Equal((long)whole["tokens"]!, (long)parts[0]["tokens"]! + (long)parts[2]["tokens"]!);
        foreach (var part in new[] { whole, parts[0], parts[2] })
        {
            Assert.Matches(@"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$", (string?)part["started"]);
            Assert.True(string.CompareOrdinal((string?)part["ended"], (string?)part["started"]) >= 0);
            Assert.InRange((double)part["seconds"]!, 0.001, 600);
        }
        // A run that starts over has no earlier parts.
        _world.Run("sft", "out", resume: "never", more: [("overwrite_output_dir", "true")]);
        Assert.Single(Parts("out"));
    }

    [Fact]
    public void A_run_that_failed_says_so()
    {
        Assert.Equal(1, CliRun.Of(["sft", .. _world.KeysOf("sft", "out", ("learning_rate", "1e15"), ("warmup_ratio", "0")).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value })]).Code);
        Assert.Equal("failed", (string?)Assert.Single(Parts("out"))["outcome"]);
    }

    [Theory]
    [InlineData("sft", "packing", "true", "max_seq_length", "24")]
    [InlineData("dpo", "loss_type", "[sigmoid, sft]", "adam_epsilon", "1e-7")]
    public void The_command_that_it_states_gives_the_same_bytes(string stage, params string[] keys)
    {
        var odd = _world.WriteModel("it's a \"model\"");
        _world.Run(stage, "out", more: [.. keys.Chunk(2).Select(pair => (pair[0], pair[1])), ("model_name_or_path", odd)]);
        var command = (string)Record("out")["repeat"]!;
        Assert.StartsWith($"cd {Environment.CurrentDirectory} && zephyr {stage} --", command, StringComparison.Ordinal);
        var run = CliRun.Of(Words(command).SkipWhile(word => word != "zephyr").Skip(1).ToArray());
        Assert.True(run.Code == 0, run.Error);
        var (expected, actual) = (_world.Bytes("out"), _world.Bytes("out-again"));
        Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
        foreach (var (name, bytes) in expected) Assert.True(bytes.AsSpan().SequenceEqual(actual[name]), $"{name} differs");
    }

    [Fact]
    public void Aif_and_a_branch_state_theirs()
    {
        var output = _world.PathOf("aif");
        Assert.Equal(0, CliRun.Of("aif", "--feedback", _world.Feedback, "--output_dir", output).Code);
        var words = Words((string)Record("aif")["repeat"]!);
        Assert.Equal(0, CliRun.Of([.. words.SkipWhile(word => word != "zephyr").Skip(1)]).Code);
        Assert.Equal(File.ReadAllBytes(Path.Combine(output, "train_prefs.jsonl")), File.ReadAllBytes($"{output}-again/train_prefs.jsonl"));
        _world.Run("sft", "out");
        _world.Run("sft", "branch", resume: _world.PathOf("out/checkpoint-4"));
        Assert.EndsWith($" --resume {_world.PathOf("out/checkpoint-4")}", (string)Record("branch")["repeat"]!, StringComparison.Ordinal);
        Assert.Equal(_world.PathOf("out/checkpoint-4"), (string?)Record("branch")["resumed_from"]);
    }

    [Fact]
    public void A_password_in_a_path_stays_out_of_everything_that_is_written_or_said()
    {
        var secret = _world.Write("x://me:hunter22@host/dialogues.jsonl", File.ReadAllText(_world.Dialogues));
        var args = _world.KeysOf("sft", "out", ("dataset", secret), ("max_steps", "1")).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value }).ToArray();
        var run = CliRun.Of(["sft", "--verbose", .. args]);
        Assert.Equal(0, run.Code);
        Assert.DoesNotContain("hunter22", run.Output + run.Error, StringComparison.Ordinal);
        foreach (var file in Directory.EnumerateFiles(_world.PathOf("out"), "*", SearchOption.AllDirectories))
            Assert.DoesNotContain("hunter22", File.ReadAllText(file), StringComparison.Ordinal);
        var refused = CliRun.Of("sft", "--model_name_or_path", "https://me:hunter22@host/model", "--dataset", _world.Dialogues, "--output_dir", _world.PathOf("none"));
        Assert.Equal(2, refused.Code);
        Assert.Contains("https://***@host/model", refused.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter22", refused.Error, StringComparison.Ordinal);
        Assert.DoesNotContain("hunter22", CliRun.Of("sft", "--model_name_or_path", "https://me:hunter22@host/model", "--dataset", _world.Dialogues, "--output_dir", "x", "--dry-run").Output, StringComparison.Ordinal);
    }

    private JsonObject Record(string output) => (JsonObject)JsonNode.Parse(File.ReadAllBytes(_world.PathOf($"{output}/run.json")))!;

    private JsonNode[] Parts(string output) => [.. ((JsonArray)Record(output)["parts"]!).Select(part => part!)];

    /// <summary>The words that a shell makes of a line.</summary>
    private static string[] Words(string line)
    {
        var quoted = line.Replace("&&", "'&&'", StringComparison.Ordinal);
        using var shell = Process.Start(new ProcessStartInfo("sh", ["-c", $"printf '%s\\n' {quoted}"]) { RedirectStandardOutput = true })!;
        return shell.StandardOutput.ReadToEnd().TrimEnd('\n').Split('\n');
    }
}
