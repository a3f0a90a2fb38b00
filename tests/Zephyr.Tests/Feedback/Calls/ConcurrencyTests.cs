using System.Diagnostics;
using Zephyr.Feedback.Calls;
using Zephyr.Runtime;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>Many calls at a time. By themselves: one of these tests is about time.</summary>
[CollectionDefinition(nameof(ConcurrencyTests), DisableParallelization = true)]
[Collection(nameof(ConcurrencyTests))]
public sealed class ConcurrencyTests : IDisposable
{
    private readonly CallWorld _world = new();

    public void Dispose() => _world.Dispose();

    /// <summary>
    /// Busy is what the endpoint sees: the time that its requests took together, out of 64 times the time from the first to the last. What else runs on the machine, and the
    /// compiler in the first round, can only take from it, so that of some rounds the best counts.
    /// </summary>
    [Fact]
    public async Task Sixty_four_calls_keep_an_endpoint_of_100_ms_busy()
    {
        const int Places = 64, Calls = 64 * 8, Rounds = 20;
        long busy = 0, first = long.MaxValue, last = 0;
        await using var endpoint = await FakeEndpoint.Start(async (context, body, _) =>
        {
            var begun = Stopwatch.GetTimestamp();
            InterlockedMin(ref first, begun);
            await Task.Delay(100, context.RequestAborted);
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
            await Echoed(calls, round * Calls, Calls, Places);
            best = Math.Max(best, (double)busy / (last - first) / Places);
            TestContext.Current.TestOutputHelper?.WriteLine($"round {round}: {(double)busy / (last - first) / Places:P1} busy over {Calls} calls");
        }
        Assert.True(best > 0.9, $"{best:P1} busy");
    }

    /// <summary>The same by count: an endpoint that answers none before all places are taken would wait for ever for a place that stays empty, and sees none too many.</summary>
    [Fact]
    public async Task Every_place_is_taken_again_before_anything_else_is_waited_for()
    {
        const int Places = 64, Waves = 10;
        var gate = new Lock();
        var (waiting, most, wave) = (0, 0, new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously));
        await using var endpoint = await FakeEndpoint.Start(async (context, body, _) =>
        {
            Task full;
            lock (gate)
            {
                full = wave.Task;
                most = Math.Max(most, ++waiting);
                if (waiting == Places)
                {
                    (var whole, waiting, wave) = (wave, 0, new(TaskCreationOptions.RunContinuationsAsynchronously));
                    whole.SetResult();
                }
            }
            await full.WaitAsync(TimeSpan.FromMinutes(1), context.RequestAborted);
            await FakeEndpoint.Answer(context, "echo: " + FakeEndpoint.LastMessage(body));
        });
        await using var calls = _world.Open(endpoint.Model(options: new() { MaxConcurrency = Places }));
        await Echoed(calls, 0, Places * Waves, Places);
        Assert.Equal((Places, Places * Waves), (most, endpoint.Requests.Count));
    }

    /// <summary>Asks numbers, twice as many at a time as there are places, and looks at the answers.</summary>
    private static async Task Echoed(ModelCalls calls, int from, int count, int places)
    {
        var next = from;
        await foreach (var answer in OrderedWork.Run(Enumerable.Range(from, count), 2 * places, (i, stop) => calls.Ask(CallWorld.Call($"{i}"), stop), TestContext.Current.CancellationToken))
            Assert.Equal($"echo: {next++}", answer.Text);
    }

    [Fact]
    public async Task Rates_are_kept_by_even_spacing()
    {
        using var world = new CallWorld { Time = new(stands: true) };
        await using var endpoint = await FakeEndpoint.Echo();
        // 5 tokens estimated for a prompt and 64 at most in its answer: 69 of 6,900 a minute make 100 calls a minute, fewer than 120.
        await using var calls = world.Open(endpoint.Model(options: new() { RequestsPerMinute = 120, TokensPerMinute = 6_900 }));
        for (var i = 0; i < 5; i++) await calls.Ask(CallWorld.Call($"{i}"), TestContext.Current.CancellationToken);
        Assert.Equal(Enumerable.Repeat(TimeSpan.FromSeconds(0.6), 4), world.Time.Waits);
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
