using System.Text.Json;
using System.Text.RegularExpressions;
using Zephyr.Configuration;
using Zephyr.Tests.Cli;

namespace Zephyr.Tests.Pipeline;

/// <summary>Whole runs with max_tokens_per_batch.</summary>
public sealed class TokenBatchRunTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    [InlineData("dpo", "pair_layout", "shared_prefix")]
    [InlineData("dpo", "reference", "cached")]
    public void A_run_has_the_metrics_of_micro_batches_by_rows(string stage, params string[] keys)
    {
        (string, string)[] more = [.. keys.Chunk(2).Select(pair => (pair[0], pair[1]))];
        Run(stage, "rows", more);
        Run(stage, "tokens", [.. more, ("max_tokens_per_batch", "100")]);
        var (rows, tokens) = (Metrics("rows"), Metrics("tokens"));
        Assert.Equal(rows.Count, tokens.Count);
        foreach (var (expected, found) in rows.Zip(tokens))
        {
            Assert.Equal(expected.Keys, found.Keys);
            foreach (var (name, value) in expected)
                Assert.True(Math.Abs(value - found[name]) <= 1e-4 * Math.Max(1, Math.Abs(value)), $"{name}: {found[name]}, expected {value}");
        }
        Assert.Equal(rows[^2].GetValueOrDefault("num_tokens"), tokens[^2].GetValueOrDefault("num_tokens"));
    }

    [Fact]
    public void The_dry_run_and_the_start_say_how_steps_are_divided()
    {
        (string, string)[] more = [("max_tokens_per_batch", "170"), ("max_steps", "6")];
        var plan = CliRun.Of(["dpo", .. Args("dpo", "out", more), "--dry-run"]);
        Assert.Equal((0, ""), (plan.Code, plan.Error));
        var line = Regex.Match(plan.Output, @"(?m)^# micro-batches    (\d to \d a step, \d(\.\d)? on average)$").Groups[1].Value;
        var tokens = Regex.Match(plan.Output, @"(?m)^# a micro-batch has at most (\d+) tokens; ").Groups[1].Value;
        Assert.InRange(int.Parse(tokens), 100, 170);
        var run = CliRun.Of(["dpo", .. Args("dpo", "out", more)]);
        Assert.Equal(0, run.Code);
        Assert.Contains($"\nmicro-batches by tokens: {line}; the largest has {tokens} tokens of at most 170\n", run.Error);
        Assert.DoesNotContain("micro-batches by tokens", CliRun.Of(["sft", .. Args("sft", "sft")]).Error);
    }

    [Theory]
    [InlineData("sft", "dialogues.jsonl, line 10: found 56 tokens", 55, "lower max_seq_length")]
    [InlineData("sft", "training packed row 1: found 64 tokens", 63, "lower max_seq_length", "packing", "true", "eval_fraction", "0", "eval_strategy", "no")]
    [InlineData("dpo", "pairs.jsonl, line 4: found 81 tokens", 80, "lower max_length, or give pair_layout shared_prefix")]
    [InlineData("dpo", "pairs.jsonl, line 4: found 49 tokens", 40, "lower max_length", "pair_layout", "shared_prefix")]
    public void A_row_that_is_over_the_limit_alone_is_refused_before_training(string stage, string found, int limit, string remedy, params string[] keys)
    {
        var number = found.Split(' ')[^2];
        var place = found.StartsWith("training", StringComparison.Ordinal) ? found : _world.PathOf(found);
        string[] args = [stage, .. Args(stage, "out", [("max_tokens_per_batch", $"{limit}"), .. keys.Chunk(2).Select(pair => (pair[0], pair[1]))])];
        foreach (var run in new[] { CliRun.Of([.. args, "--quiet"]), CliRun.Of([.. args, "--dry-run"]) })
        {
            Assert.Equal(2, run.Code);
            Assert.Equal($"zephyr: {place} that have to be in memory together, the most of all rows, expected at most max_tokens_per_batch {limit}; "
                + $"give max_tokens_per_batch at least {number}, or {remedy}\n", run.Error);
        }
        Assert.Empty(_world.Names("out"));
    }

    /// <summary>Held-out rows are in memory too, and an evaluation comes hours after the start.</summary>
    [Fact]
    public void A_held_out_row_is_refused_as_early()
    {
        var line = File.ReadLines(_world.Dialogues).First();
        var held = _world.Write("held.jsonl", line.Replace("years old", "years old, " + new string('x', 30), StringComparison.Ordinal) + "\n");
        var run = CliRun.Of(["sft", .. Args("sft", "out", ("max_tokens_per_batch", "60"), ("eval_dataset", held), ("eval_fraction", "0")), "--quiet"]);
        Assert.Equal(2, run.Code);
        Assert.StartsWith($"zephyr: {held}, line 1: found ", run.Error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("loss_type: aot\nmax_tokens_per_batch: 4096",
        "max_tokens_per_batch: would change which pairs loss_type aot compares, those of a micro-batch: give 0 (was 4096)")]
    [InlineData("loss_type: [sigmoid, aot_unpaired]\nmax_tokens_per_batch: 1",
        "max_tokens_per_batch: would change which pairs loss_type aot_unpaired compares, those of a micro-batch: give 0 (was 1)")]
    [InlineData("max_tokens_per_batch: -1", "max_tokens_per_batch: must be at least 0 (was -1)")]
    public void What_has_no_meaning_is_refused_with_the_configuration(string lines, string expected)
    {
        var error = Assert.Throws<ConfigException>(() => ConfigReader.ReadText<DpoConfig>($"{lines}\nmodel_name_or_path: m\ndataset: d\noutput_dir: o\n", "dpo.yaml", []));
        Assert.Equal($"dpo.yaml:{lines.Split('\n').Length}: {expected}", error.Message);
    }

    [Fact]
    public void Sorted_losses_go_with_micro_batches_by_rows() =>
        ConfigReader.ReadText<DpoConfig>("loss_type: aot\nmax_tokens_per_batch: 0\nmodel_name_or_path: m\ndataset: d\noutput_dir: o\n", "dpo.yaml", []);

    private void Run(string stage, string output, params (string, string)[] more)
    {
        var run = CliRun.Of([stage, .. Args(stage, output, more), "--quiet"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
    }

    private IEnumerable<string> Args(string stage, string output, params (string, string)[] more) =>
        _world.KeysOf(stage, output, more).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value });

    private List<Dictionary<string, double>> Metrics(string output) => [.. File.ReadLines(Path.Combine(_world.PathOf(output), "metrics.jsonl"))
        .Select(line => JsonSerializer.Deserialize<Dictionary<string, double>>(line)!)];
}
