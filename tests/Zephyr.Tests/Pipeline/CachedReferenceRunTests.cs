using System.Text.Json;
using Zephyr.Tests.Cli;
using Zephyr.Training;

namespace Zephyr.Tests.Pipeline;

/// <summary>Whole runs with reference: cached.</summary>
public sealed class CachedReferenceRunTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    private string Cache(string output) => Path.Combine(_world.PathOf(output), ReferenceCache.FileName);

    [Theory]
    [InlineData("separate")]
    [InlineData("shared_prefix")]
    public void A_run_has_the_metrics_of_the_frozen_reference(string layout)
    {
        Run("frozen");
        Run("cached", ("reference", "cached"), ("pair_layout", layout));
        var (frozen, cached) = (Metrics("frozen"), Metrics("cached"));
        Assert.Equal(frozen.Count, cached.Count);
        foreach (var (expected, found) in frozen.Zip(cached))
        {
            Assert.Equal(expected.Keys, found.Keys);
            foreach (var (name, value) in expected)
                Assert.True(Math.Abs(value - found[name]) <= 1e-4 * Math.Max(1, Math.Abs(value)), $"{name}: {found[name]}, expected {value}");
        }
        // Eleven pairs, held-out ones too, and the line that names the reference.
        Assert.Equal(12, File.ReadLines(Cache("cached")).Count());
    }

    /// <summary>The sums are computed once: a run that starts over in the same folder finds them, and its steps are the same to the bit.</summary>
    [Fact]
    public void What_is_there_is_used_again()
    {
        Run("out", ("reference", "cached"));
        var (metrics, cache, written) = (File.ReadAllBytes(Path.Combine(_world.PathOf("out"), "metrics.jsonl")), File.ReadAllBytes(Cache("out")), File.GetLastWriteTimeUtc(Cache("out")));
        Run("out", ("reference", "cached"), ("overwrite_output_dir", "true"));
        Assert.Equal(metrics, File.ReadAllBytes(Path.Combine(_world.PathOf("out"), "metrics.jsonl")));
        Assert.Equal(cache, File.ReadAllBytes(Cache("out")));
        Assert.Equal(written, File.GetLastWriteTimeUtc(Cache("out")));
    }

    [Fact]
    public void What_is_of_another_reference_is_computed_anew()
    {
        Run("out", ("reference", "cached"));
        var before = File.ReadAllText(Cache("out"));
        Run("out", ("reference", "cached"), ("overwrite_output_dir", "true"), ("ref_model_name_or_path", _world.WriteModel("other", seed: 3)));
        Assert.NotEqual(before, File.ReadAllText(Cache("out")));
    }

    /// <summary>A run that goes on must not change its reference under way.</summary>
    [Fact]
    public void A_checkpoint_does_not_go_on_with_another_reference()
    {
        Run("out", ("reference", "cached"));
        File.Delete(Path.Combine(_world.PathOf("out"), "model.safetensors"));
        File.WriteAllLines(Cache("out"), File.ReadAllLines(Cache("out")).Skip(1).Prepend("{\"reference\":\"another\"}"));
        var run = CliRun.Of(["dpo", .. Args("out", ("reference", "cached")), "--quiet"]);
        Assert.Equal(2, run.Code);
        Assert.StartsWith($"zephyr: {Cache("out")}: was computed with another reference than {_world.Base}, or in another precision, and ", run.Error, StringComparison.Ordinal);
        Assert.Equal("{\"reference\":\"another\"}", File.ReadLines(Cache("out")).First());
    }

    [Fact]
    public void A_dry_run_counts_no_reference_in_memory_and_writes_nothing()
    {
        var run = CliRun.Of(["dpo", .. Args("out", ("reference", "cached")), "--dry-run"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.False(Directory.Exists(_world.PathOf("out")));
        Assert.Matches(@"(?m)^# moments +286\.6 KiB$", run.Output);
        Assert.DoesNotMatch(@"(?m)^# reference +[0-9.]+ KiB$", run.Output);
        Assert.Matches(@"(?m)^# reference +143\.3 KiB$", CliRun.Of(["dpo", .. Args("out"), "--dry-run"]).Output);
    }

    private void Run(string output, params (string, string)[] more)
    {
        var run = CliRun.Of(["dpo", .. Args(output, more), "--quiet"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
    }

    private IEnumerable<string> Args(string output, params (string, string)[] more) =>
        _world.KeysOf("dpo", output, more).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value });

    private List<Dictionary<string, double>> Metrics(string output) => [.. File.ReadLines(Path.Combine(_world.PathOf(output), "metrics.jsonl"))
        .Select(line => JsonSerializer.Deserialize<Dictionary<string, double>>(line)!)];
}
