using System.Text;
using Microsoft.AspNetCore.Http;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>What becomes of a call when the endpoint does something wrong.</summary>
public sealed class FaultTests : IDisposable
{
    private static readonly Dictionary<string, Func<HttpContext, Task>> Faults = new()
    {
        ["429"] = context => FakeEndpoint.Error(context, 429, "slow down"),
        ["408"] = context => FakeEndpoint.Error(context, 408, "too slow"),
        ["500"] = context => FakeEndpoint.Error(context, 500, "oops"),
        ["503 page"] = context => Body(context, 503, "<html>\r\nbad gateway</html>"),
        ["aborted"] = context => { context.Abort(); return Task.CompletedTask; },
        ["mid-body"] = async context =>
        {
            context.Response.ContentLength = 1000;
            await context.Response.WriteAsync("{\"choices\": [");
            await context.Response.Body.FlushAsync();
            context.Abort();
        },
        ["invalid JSON"] = context => Body(context, 200, "{\"choices\": [{\"message\": {\"content\": \"half"),
        ["no JSON"] = context => Body(context, 200, "hello"),
        ["nothing"] = context => Body(context, 200, ""),
        ["wrong keys"] = context => Body(context, 200, """{"results": [{"text": "hi"}]}"""),
        ["a list"] = context => Body(context, 200, "[]"),
        ["empty choices"] = context => Body(context, 200, """{"choices": []}"""),
        ["no message"] = context => Body(context, 200, """{"choices": [{"index": 0}]}"""),
        ["content of another kind"] = context => Body(context, 200, """{"choices": [{"message": {"content": 3}}]}"""),
        ["no Unicode"] = context => Body(context, 200, """{"choices": [{"message": {"content": "\ud800"}}]}"""),
        ["slow"] = async context => await Task.Delay(TimeSpan.FromSeconds(30), context.RequestAborted).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing),
    };

    private readonly CallWorld _world = new();

    public static TheoryData<string, string> Reasons => new()
    {
        { "429", "HTTP 429: slow down" },
        { "408", "HTTP 408: too slow" },
        { "500", "HTTP 500: oops" },
        { "503 page", "HTTP 503: <html>  bad gateway</html>" },
        { "aborted", "the connection ended before the answer did: " },
        { "mid-body", "the connection ended before the answer did: " },
        { "invalid JSON", "HTTP 200 without an answer: found \"{\"choices\": [{\"message\": {\"content\": \"half\", expected JSON with choices[0].message.content" },
        { "no JSON", "HTTP 200 without an answer: found \"hello\", expected JSON with choices[0].message.content" },
        { "nothing", "HTTP 200 without an answer: found nothing, expected JSON with choices[0].message.content" },
        { "wrong keys", "HTTP 200 without an answer: found \"{\"results\"" },
        { "a list", "HTTP 200 without an answer: found \"[]\"" },
        { "empty choices", "HTTP 200 without an answer: found \"{\"choices\": []}\"" },
        { "no message", "HTTP 200 without an answer: found \"{\"choices\"" },
        { "content of another kind", "HTTP 200 without an answer: found \"{\"choices\"" },
        { "no Unicode", "HTTP 200 without an answer: found \"{\"choices\"" },
        { "slow", "no answer within 0.3 s" },
    };

    public void Dispose() => _world.Dispose();

    [Theory]
    [MemberData(nameof(Reasons))]
    public async Task What_may_pass_is_sent_again_and_recorded_when_it_does_not(string fault, string reason)
    {
        await using var endpoint = await FakeEndpoint.Start((context, body, _) =>
            FakeEndpoint.LastMessage(body) == "always" ? Faults[fault](context) : FakeEndpoint.Answer(context, "fine"));
        var model = endpoint.Model(options: new() { MaxRetries = 2, Timeout = 0.3 });
        await using var calls = _world.Open(model);
        var failed = await calls.Ask(CallWorld.Call("always"), TestContext.Current.CancellationToken);
        Assert.Null(failed.Text);
        Assert.StartsWith(reason, failed.Failure, StringComparison.Ordinal);
        Assert.EndsWith(" (the last of 3 attempts)", failed.Failure, StringComparison.Ordinal);
        Assert.Equal((true, 3, 3), (failed.Transient, failed.Attempts, endpoint.Requests.Count));
        Assert.Equal("fine", (await calls.Ask(CallWorld.Call("other"), TestContext.Current.CancellationToken)).Text);
    }

    [Fact]
    public async Task What_passes_is_answered_once()
    {
        var faults = Faults.Keys.ToArray();
        await using var endpoint = await FakeEndpoint.Start((context, _, number) =>
            number < faults.Length ? Faults[faults[number]](context) : FakeEndpoint.Answer(context, "at last"));
        await using var calls = _world.Open(endpoint.Model(options: new() { MaxRetries = faults.Length, Timeout = 0.3 }));
        var answer = await calls.Ask(CallWorld.Call("patience"), TestContext.Current.CancellationToken);
        Assert.Equal(("at last", null, faults.Length + 1), (answer.Text, answer.Failure, answer.Attempts));
        Assert.Single(_world.Lines);
    }

    [Fact]
    public async Task Waits_double_with_a_jitter_that_the_seed_decides()
    {
        await using var endpoint = await FakeEndpoint.Start((context, _, _) => FakeEndpoint.Error(context, 500, "oops"));
        var waits = new List<IReadOnlyList<TimeSpan>>();
        for (var i = 0; i < 2; i++)
        {
            using var world = new CallWorld();
            await using var calls = world.Open(endpoint.Model(options: new() { MaxRetries = 8 }));
            await calls.Ask(CallWorld.Call("a"), TestContext.Current.CancellationToken);
            waits.Add(world.Time.Waits);
        }
        Assert.Equal(waits[0], waits[1]);
        Assert.Equal(8, waits[0].Count);
        for (var i = 0; i < 8; i++) Assert.InRange(waits[0][i].TotalSeconds, Math.Min(60, 1 << i) * 0.5, Math.Min(60, 1 << i));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Retry_After_is_the_least_wait(bool asDate)
    {
        await using var endpoint = await FakeEndpoint.Start((context, _, number) =>
        {
            if (number > 0) return FakeEndpoint.Answer(context, "now");
            context.Response.Headers.RetryAfter = asDate ? (DateTimeOffset.UtcNow + TimeSpan.FromSeconds(121)).ToString("R") : "120";
            return FakeEndpoint.Error(context, 429, "slow down");
        });
        await using var calls = _world.Open(endpoint.Model());
        Assert.Equal("now", (await calls.Ask(CallWorld.Call("a"), TestContext.Current.CancellationToken)).Text);
        Assert.InRange(_world.Time.Waits.Max().TotalSeconds, 119, 122);
    }

    [Fact]
    public async Task A_wait_of_days_stops_the_run()
    {
        await using var endpoint = await FakeEndpoint.Start((context, _, _) =>
        {
            context.Response.Headers.RetryAfter = "86400";
            return FakeEndpoint.Error(context, 429, "daily limit");
        });
        await using var calls = _world.Open(endpoint.Model());
        var stopped = await Assert.ThrowsAsync<RunFailedException>(() => calls.Ask(CallWorld.Call("a"), TestContext.Current.CancellationToken));
        Assert.Equal($"fake: {endpoint.BaseUrl} refuses all calls: HTTP 429: daily limit; it asks to be left alone for 1.00:00:00; all answers are kept, and the same command goes on from them", stopped.Message);
    }

    [Theory]
    [InlineData(400, "this model's maximum context length is 4096 tokens")]
    [InlineData(413, "too large")]
    [InlineData(422, "no")]
    public async Task What_will_never_be_answered_is_recorded_at_once(int status, string message)
    {
        await using var endpoint = await FakeEndpoint.Start((context, _, _) => FakeEndpoint.Error(context, status, message));
        await using var calls = _world.Open(endpoint.Model());
        var answer = await calls.Ask(CallWorld.Call("a"), TestContext.Current.CancellationToken);
        Assert.Equal(($"HTTP {status}: {message}", false, 1), (answer.Failure, answer.Transient, answer.Attempts));
        Assert.Single(endpoint.Requests);
    }

    [Theory]
    [InlineData(401, null)]
    [InlineData(403, null)]
    [InlineData(404, null)]
    [InlineData(402, null)]
    [InlineData(429, "insufficient_quota")]
    public async Task What_no_call_gets_past_stops_the_run_and_is_not_recorded(int status, string? code)
    {
        await using var endpoint = await FakeEndpoint.Start((context, _, _) => FakeEndpoint.Error(context, status, "no", code));
        await using (var calls = _world.Open(endpoint.Model()))
        {
            for (var i = 0; i < 2; i++)
            {
                var stopped = await Assert.ThrowsAsync<RunFailedException>(() => calls.Ask(CallWorld.Call($"{i}"), TestContext.Current.CancellationToken));
                Assert.Equal($"fake: {endpoint.BaseUrl} refuses all calls: HTTP {status}: no; all answers are kept, and the same command goes on from them", stopped.Message);
            }
        }
        Assert.Single(endpoint.Requests);
        Assert.Empty(_world.Lines);
    }

    [Fact]
    public async Task One_forbidden_call_among_answered_ones_is_that_calls_failure()
    {
        await using var endpoint = await FakeEndpoint.Start((context, _, number) => number == 1 ? FakeEndpoint.Error(context, 403, "flagged") : FakeEndpoint.Answer(context, "fine"));
        await using var calls = _world.Open(endpoint.Model());
        await calls.Ask(CallWorld.Call("a"), TestContext.Current.CancellationToken);
        Assert.Equal("HTTP 403: flagged", (await calls.Ask(CallWorld.Call("b"), TestContext.Current.CancellationToken)).Failure);
        Assert.Equal("fine", (await calls.Ask(CallWorld.Call("c"), TestContext.Current.CancellationToken)).Text);
    }

    [Fact]
    public async Task Failures_in_a_row_stop_the_run()
    {
        await using var endpoint = await FakeEndpoint.Start((context, _, _) => FakeEndpoint.Error(context, 400, "no"));
        await using var calls = _world.Open(endpoint.Model(), new BudgetOptions { StopAfterFailures = 3 });
        for (var i = 0; i < 2; i++) await calls.Ask(CallWorld.Call($"{i}"), TestContext.Current.CancellationToken);
        var stopped = await Assert.ThrowsAsync<RunFailedException>(() => calls.Ask(CallWorld.Call("2"), TestContext.Current.CancellationToken));
        Assert.Equal("fake: 3 calls failed in a row, the last with: HTTP 400: no; all answers are kept, and the same command goes on from them "
            + "(retry_failed says which failed calls it makes again; stop_after_failures: 0 never stops)", stopped.Message);
        Assert.Equal(3, _world.Lines.Count);
    }

    private static Task Body(HttpContext context, int status, string text)
    {
        context.Response.StatusCode = status;
        return context.Response.Body.WriteAsync(Encoding.UTF8.GetBytes(text)).AsTask();
    }
}
