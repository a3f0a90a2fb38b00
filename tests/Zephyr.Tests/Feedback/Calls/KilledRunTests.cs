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
        var atKills = new List<(int Asked, int Kept)>();
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
            atKills.Add((world.Asked.Count, Entries(world.PathOf("killed/calls.jsonl"))));
        }
        Assert.True(kills >= 3, $"only {kills} kills");
        Assert.Equal(expected, world.Files("killed"));
        Assert.Equal(calls, world.Asked.Distinct().Order());
        // Four models take four calls each; an answer that was being written to the disk is under way too.
        Assert.InRange(world.Asked.Count - calls.Count, 0, kills * 2 * 16);
        // All that the journal lacked had to be asked after the kill: one more, and it would be one that it had.
        Assert.All(atKills, kill => Assert.Equal(calls.Count - kill.Kept, world.Asked.Skip(kill.Asked).Distinct().Count()));
    }

    /// <summary>A disk that fills up, played by the limit on a file's size: the run ends with one sentence, what was on the disk before counts, and no other call is made twice than those that were under way.</summary>
    [Fact]
    public async Task A_journal_that_cannot_be_written_ends_the_run_and_the_same_command_goes_on()
    {
        await using var world = await FeedbackWorld.Start(prompts: 60, delay: number => 20 + number % 7);
        var journal = world.PathOf("full/calls.jsonl");
        using var process = Start(world.Args("full"), "ulimit -f 16 && exec \"$@\"");
        var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
        await process.WaitForExitAsync(TestContext.Current.CancellationToken);
        Assert.True(process.ExitCode == 1, $"{process.ExitCode}: {error}");
        Assert.Contains($"{journal}: an answer could not be written: File too large for a limit of the system (ulimit -f) or of the disk; "
            + "what was answered before is kept, and the same command goes on from it", error, StringComparison.Ordinal);
        var (asked, kept) = (world.Asked.Count, Entries(journal));
        Assert.InRange(kept, 1, asked);
        Assert.InRange(asked - kept, 1, 2 * 16 * 2);

        var run = CliRun.Of(world.Args("full"));
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(240 - kept, world.Asked.Skip(asked).Distinct().Count());
        Assert.Equal(240 - kept, world.Asked.Count - asked);
        Assert.Equal(240, Entries(journal));
    }

    /// <summary>Whole lines of a journal but for the first, which is no entry.</summary>
    private static int Entries(string journal) => File.Exists(journal) ? Math.Max(0, File.ReadAllBytes(journal).Count(letter => letter == '\n') - 1) : 0;

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

    private static Process Start(string[] args, string shell = "exec \"$@\"")
    {
        var start = new ProcessStartInfo("bash", ["-c", shell, "-", Path.Combine(AppContext.BaseDirectory, "zephyr"), .. args]) { RedirectStandardError = true, RedirectStandardOutput = true };
        // The runtime maps its code through a file of 2 GiB, which the limit on a file's size forbids.
        start.Environment["DOTNET_EnableWriteXorExecute"] = "0";
        return Process.Start(start)!;
    }
}
