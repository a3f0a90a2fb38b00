using System.Diagnostics;
using Zephyr.Tests.Cli;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>The real program, ended without a word at moments that nobody chose.</summary>
public class KilledRunTests
{
    /// <summary>A kill loses what was under way and nothing else: the endpoint sees no call again that had been answered and flushed, and the files are those of the run that nobody touched.</summary>
    [Fact]
    public async Task A_kill_loses_at_most_the_calls_under_way()
    {
        await using var world = await FeedbackWorld.Start(prompts: 60, delay: number => 20 + number % 7);
        var straight = CliRun.Of(world.Args("straight"));
        Assert.True(straight.Code == 0, straight.Error);
        var (expected, calls) = (world.Files("straight"), world.Asked.Order().ToList());
        Assert.Equal(calls.Count, calls.Distinct().Count());

        world.Endpoint.Requests.Clear();
        var (kills, seed) = (0, 7);
        while (true)
        {
            var before = world.Asked.Count;
            using var process = Start(world.Args("killed"));
            // Some answers later than the start, and every time another number of them.
            seed = seed * 31 % 101;
            while (!process.HasExited && world.Asked.Count < before + 10 + seed % 50) await Task.Delay(1, TestContext.Current.CancellationToken);
            if (kills < 5 && !process.HasExited)
            {
                process.Kill();
                kills++;
            }
            var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
            await process.WaitForExitAsync(TestContext.Current.CancellationToken);
            if (process.ExitCode == 0) break;
            Assert.True(process.ExitCode == 137, $"{process.ExitCode}: {error}");
        }
        Assert.True(kills >= 3, $"only {kills} kills");
        Assert.Equal(expected, world.Files("killed"));
        Assert.Equal(calls, world.Asked.Distinct().Order());
        // Four models take four calls each; an answer that was being written to the disk is under way too.
        Assert.InRange(world.Asked.Count - calls.Count, 0, kills * 2 * 16);
    }

    [Fact]
    public async Task A_signal_keeps_what_is_out_and_the_same_command_goes_on()
    {
        await using var world = await FeedbackWorld.Start(prompts: 40, delay: _ => 30);
        using var process = Start(world.Args("stopped"));
        while (world.Asked.Count < 30) await Task.Delay(1, TestContext.Current.CancellationToken);
        using (var kill = Process.Start("kill", ["-INT", $"{process.Id}"])) await kill.WaitForExitAsync(TestContext.Current.CancellationToken);
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 130, $"{process.ExitCode}: {error}");
        Assert.Equal(world.Asked.Count, File.ReadLines(world.PathOf("stopped/calls.jsonl")).Count() - 1);
        var run = CliRun.Of(world.Args("stopped"));
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(160, world.Asked.Count);
        Assert.Equal(160, world.Asked.Distinct().Count());
    }

    private static Process Start(string[] args) => Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "zephyr"), args)
    {
        RedirectStandardError = true,
        RedirectStandardOutput = true,
    })!;
}
