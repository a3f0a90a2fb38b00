using System.Diagnostics;
using Zephyr.Tests.Pipeline;

namespace Zephyr.Tests.Cli;

/// <summary>A real process, a real signal.</summary>
public sealed class InterruptTests : IDisposable
{
    private static readonly (string, string)[] Long = [("max_steps", "480"), ("save_steps", "160"), ("logging_steps", "1"), ("eval_strategy", "no")];
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task A_signal_ends_in_a_whole_checkpoint_that_leads_to_the_same_bytes()
    {
        Assert.Equal(0, CliRun.Of(Args("straight")).Code);
        var expected = _world.Bytes("straight");
        foreach (var signal in new[] { "INT", "TERM" })
        {
            using var process = Start(signal);
            await Training(process, signal);
            using (var kill = Process.Start("kill", [$"-{signal}", $"{process.Id}"])) await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
            var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            Assert.True(process.ExitCode == 130, $"{process.ExitCode}: {error}");
            Assert.Contains("zephyr: stopping; once more to stop at once", error, StringComparison.Ordinal);
            Assert.DoesNotContain("model.safetensors", _world.Names(signal));
            var checkpoints = _world.Names(signal).Where(name => name.StartsWith("checkpoint-", StringComparison.Ordinal)).ToList();
            Assert.NotEmpty(checkpoints);

            var resumed = CliRun.Of([.. Args(signal), "--resume", "auto"]);
            Assert.True(resumed.Code == 0, resumed.Error);
            foreach (var checkpoint in checkpoints.Where(name => !_world.Names("straight").Contains(name))) Directory.Delete(_world.PathOf($"{signal}/{checkpoint}"), recursive: true);
            var actual = _world.Bytes(signal);
            Assert.Equal(expected.Keys.Order(StringComparer.Ordinal), actual.Keys.Order(StringComparer.Ordinal));
            foreach (var (name, bytes) in expected) Assert.True(bytes.AsSpan().SequenceEqual(actual[name]), $"{name} differs after {signal}");
        }
    }

    /// <summary>The first signal waits for the step in hand, the second for nothing: the step is lost, and what was saved before is as it was.</summary>
    [Fact]
    public async Task A_second_signal_ends_it_on_the_spot()
    {
        // A step of 4000 rows: some seconds.
        var rows = _world.Write("many.jsonl", string.Concat(Enumerable.Repeat(await File.ReadAllTextAsync(_world.Dialogues, TestContext.Current.CancellationToken), 800)));
        string[] args = ["sft", .. _world.KeysOf("sft", "twice", ("dataset", rows), ("gradient_accumulation_steps", "2000"), ("save_steps", "1"), ("logging_steps", "1"), ("eval_strategy", "no"))
            .SelectMany(entry => new[] { $"--{entry.Key}", entry.Value })];
        using var process = Start(args);
        var waited = Stopwatch.StartNew();
        while (!_world.Names("twice").Contains("checkpoint-1"))
        {
            Assert.False(process.HasExited);
            Assert.True(waited.Elapsed < TimeSpan.FromMinutes(5), "no step was taken within five minutes");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
        for (var i = 0; i < 2; i++)
        {
            await Task.Delay(100, TestContext.Current.CancellationToken);
            using var kill = Process.Start("kill", ["-TERM", $"{process.Id}"]);
            await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        }
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Equal(130, process.ExitCode);
        Assert.Equal(["checkpoint-1"], _world.Names("twice").Where(name => name.StartsWith("checkpoint-", StringComparison.Ordinal)));
        Assert.Equal(0, CliRun.Of("inspect", "checkpoint", _world.PathOf("twice")).Code);
    }

    /// <summary>Two processes, one folder.</summary>
    [Fact]
    public async Task A_second_run_in_the_folder_is_refused_and_the_first_goes_on()
    {
        using var process = Start("busy");
        await Training(process, "busy");
        Assert.Equal(new(2, "", $"zephyr: output_dir {_world.PathOf("busy")}: another run (process {process.Id}) is writing to it, expected a folder of its own for each\n"),
            CliRun.Of([.. Args("busy"), "--quiet"]));
        Assert.False(process.HasExited);
        process.Kill();
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.Contains(".lock", _world.Names("busy"));
        Assert.Equal(0, CliRun.Of([.. Args("busy"), "--quiet"]).Code);
        Assert.DoesNotContain(".lock", _world.Names("busy"));
    }

    /// <summary>The program as it was built, with as many threads as the tests have: the same sums in the same order.</summary>
    private Process Start(string output) => Start(Args(output));

    private static Process Start(string[] args)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "zephyr"), args)
        {
            RedirectStandardError = true,
            RedirectStandardOutput = true,
            Environment = { ["OMP_NUM_THREADS"] = "1" },
        };
        return Process.Start(start)!;
    }

    /// <summary>Waits until some steps have been taken.</summary>
    private async Task Training(Process process, string output)
    {
        var metrics = _world.PathOf($"{output}/metrics.jsonl");
        var waited = Stopwatch.StartNew();
        while (!File.Exists(metrics) || new FileInfo(metrics).Length < 500)
        {
            Assert.False(process.HasExited, "the run was over before it could be interrupted");
            Assert.True(waited.Elapsed < TimeSpan.FromMinutes(5), "no step was taken within five minutes");
            await Task.Delay(10, TestContext.Current.CancellationToken);
        }
    }

    private string[] Args(string output) => ["sft", .. _world.KeysOf("sft", output, Long).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value })];
}
