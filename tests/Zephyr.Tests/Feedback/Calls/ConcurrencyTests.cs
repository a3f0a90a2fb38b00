using System.Diagnostics;
using Zephyr.Feedback.Calls;
using Zephyr.Runtime;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>Many calls at a time.</summary>
public sealed class ConcurrencyTests : IDisposable
{
    private readonly CallWorld _world = new();

    public void Dispose() => _world.Dispose();

    /// <summary>
    /// Busy is what the endpoint sees: the time that its requests took together, out of 64 times the time from the first to the last. The best of a few rounds: other tests share the
    /// processor with this one, its endpoint among them.
    /// </summary>
    [Fact]
    public async Task Sixty_four_calls_keep_an_endpoint_of_100_ms_busy()
    {
        const int Places = 64, Calls = 64 * 8, Rounds = 5;
        long busy = 0, first = long.MaxValue, last = 0;
        var (now, most) = (0, 0);
        await using var endpoint = await FakeEndpoint.Start(async (context, body, _) =>
        {
            var begun = Stopwatch.GetTimestamp();
            InterlockedMin(ref first, begun);
            var under = Interlocked.Increment(ref now);
            if (under > most) most = under;
            await Task.Delay(100, context.RequestAborted);
            Interlocked.Decrement(ref now);
            await FakeEndpoint.Answer(context, "echo: " + FakeEndpoint.LastMessage(body));
            var ended = Stopwatch.GetTimestamp();
            Interlocked.Add(ref busy, ended - begun);
            Interlocked.Exchange(ref last, ended);
        });
        await using var calls = _world.Open(endpoint.Model(options: new() { MaxConcurrency = Places }));
        var best = 0.0;
        for (var round = 0; round < Rounds && best <= 0.9; round++)
        {
            (busy, first) = (0, long.MaxValue);
            var next = round * Calls;
            await foreach (var answer in OrderedWork.Run(Enumerable.Range(next, Calls), 2 * Places, (i, stop) => calls.Ask(CallWorld.Call($"{i}"), stop), TestContext.Current.CancellationToken))
                Assert.Equal($"echo: {next++}", answer.Text);
            best = Math.Max(best, (double)busy / (last - first) / Places);
            TestContext.Current.TestOutputHelper?.WriteLine($"round {round}: {(double)busy / (last - first) / Places:P1} busy over {Calls} calls");
        }
        Assert.True(best > 0.9, $"{best:P1} busy");
        Assert.True(most <= Places, $"{most} at a time");
    }

    [Fact]
    public async Task Rates_are_kept_by_even_spacing()
    {
        await using var endpoint = await FakeEndpoint.Echo();
        // 77 bytes and 64 tokens more a call: 17 + 64 of 8,100 a minute make 100 calls a minute, fewer than 120.
        await using var calls = _world.Open(endpoint.Model(options: new() { RequestsPerMinute = 120, TokensPerMinute = 8_100 }));
        for (var i = 0; i < 5; i++) await calls.Ask(CallWorld.Call($"{i}"), TestContext.Current.CancellationToken);
        Assert.Equal(4, _world.Time.Waits.Count);
        Assert.All(_world.Time.Waits, wait => Assert.InRange(wait.TotalSeconds, 0.5, 0.6));
    }

    [Fact]
    public async Task Results_come_in_order_and_a_failure_ends_what_comes_after_it()
    {
        var (begun, ended) = (0, 0);
        async Task<int> Work(int item, CancellationToken stop)
        {
            Interlocked.Increment(ref begun);
            await Task.Delay(item % 3, CancellationToken.None);
            Interlocked.Increment(ref ended);
            return item == 50 ? throw new RunFailedException("here") : item;
        }
        var seen = new List<int>();
        var failure = await Assert.ThrowsAsync<RunFailedException>(async () =>
        {
            await foreach (var item in OrderedWork.Run(Enumerable.Range(0, 100_000), 4, Work, TestContext.Current.CancellationToken)) seen.Add(item);
        });
        Assert.Equal("here", failure.Message);
        Assert.Equal(Enumerable.Range(0, 50), seen);
        Assert.Equal(begun, ended);
        // Those that were under way with it, and those that took their places before it was over.
        Assert.InRange(begun, 51, 51 + 100);
    }

    /// <summary>A stop waits for what is out, keeps its answer, and begins nothing more.</summary>
    [Fact]
    public async Task A_stop_keeps_what_is_out_and_gives_up_what_waits()
    {
        using var stop = new CancellationTokenSource();
        var (out3, answer) = (new CountdownEvent(2), new TaskCompletionSource());
        await using var endpoint = await FakeEndpoint.Start(async (context, body, _) =>
        {
            out3.Signal();
            await answer.Task;
            await FakeEndpoint.Answer(context, "paid for");
        });
        await using (var calls = _world.Open(endpoint.Model(options: new() { MaxConcurrency = 2 })))
        {
            Task<CallAnswer>[] asked = [.. Enumerable.Range(0, 5).Select(i => calls.Ask(CallWorld.Call($"{i}"), stop.Token))];
            Assert.True(out3.Wait(TimeSpan.FromSeconds(30), TestContext.Current.CancellationToken));
            await stop.CancelAsync();
            foreach (var waiting in asked[2..]) await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
            Assert.All(asked[..2], task => Assert.False(task.IsCompleted));
            answer.SetResult();
            foreach (var kept in asked[..2]) Assert.Equal("paid for", (await kept).Text);
        }
        Assert.Equal(2, endpoint.Requests.Count);
        Assert.Equal(2, _world.Lines.Count);
    }

    [Fact]
    public async Task A_stop_cuts_the_wait_before_another_attempt_short()
    {
        using var stop = new CancellationTokenSource();
        await using var endpoint = await FakeEndpoint.Start((context, _, _) =>
        {
            context.Response.Headers.RetryAfter = "800";
            return FakeEndpoint.Error(context, 429, "slow down");
        });
        await using var calls = _world.Open(endpoint.Model());
        var asked = calls.Ask(CallWorld.Call("a"), stop.Token);
        while (endpoint.Requests.IsEmpty) await Task.Delay(5, TestContext.Current.CancellationToken);
        await Task.Delay(50, TestContext.Current.CancellationToken);
        Assert.False(asked.IsCompleted);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => asked.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        Assert.Empty(_world.Lines);
    }

    private static void InterlockedMin(ref long least, long value)
    {
        for (var seen = Interlocked.Read(ref least); value < seen; seen = Interlocked.Read(ref least))
            if (Interlocked.CompareExchange(ref least, value, seen) == seen) return;
    }
}
