using Zephyr.Configuration;
using Zephyr.Feedback.Calls;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>What was answered is never asked again.</summary>
public sealed class JournalTests : IDisposable
{
    private readonly CallWorld _world = new();

    public void Dispose() => _world.Dispose();

    [Fact]
    public async Task The_same_call_is_made_once_at_the_same_time_later_and_in_another_run()
    {
        await using var endpoint = await FakeEndpoint.Echo();
        for (var run = 0; run < 2; run++)
        {
            await using var calls = _world.Open(endpoint.Model());
            var answers = await Task.WhenAll(Enumerable.Range(0, 20).Select(i => calls.Ask(CallWorld.Call($"{i % 5}"), TestContext.Current.CancellationToken)));
            for (var i = 0; i < 20; i++) Assert.Equal(new CallAnswer($"echo: {i % 5}", null, "stop", 10, 5), answers[i]);
            Assert.Equal(answers[0], await calls.Ask(CallWorld.Call("0"), TestContext.Current.CancellationToken));
            Assert.Equal([new ModelUsage("generate", "fake", new(5, 0, 50, 25, 0))], calls.Usage);
        }
        Assert.Equal(5, endpoint.Requests.Count);
        Assert.Equal(5, _world.Lines.Count);
    }

    [Fact]
    public async Task Calls_that_differ_in_any_part_are_different_calls()
    {
        await using var endpoint = await FakeEndpoint.Echo();
        await using var calls = _world.Open(endpoint.Model());
        var call = CallWorld.Call("a");
        ModelCall[] others =
        [
            call, call with { Purpose = "generate/a/1" }, call with { Messages = [new("system", "be brief"), .. call.Messages] }, call with { Messages = [new("user", "b")] },
            call with { Options = call.Options with { Temperature = 0.5 } }, call with { Options = call.Options with { TopP = 0.5 } },
            call with { Options = call.Options with { MaxNewTokens = 65 } }, call with { Options = call.Options with { Seed = 1 } },
        ];
        foreach (var other in others) await calls.Ask(other, TestContext.Current.CancellationToken);
        Assert.Equal(others.Length, endpoint.Requests.Count);
    }

    /// <summary>A folder that is called otherwise holds who it held, a server at another address may be another; a judge that is held to its form from now on is asked anew.</summary>
    [Fact]
    public void A_key_is_of_what_is_asked_and_of_no_place()
    {
        var call = CallWorld.Call("a") with { Options = CallWorld.Call("a").Options with { JsonSchema = "{}" } };
        UInt128 Key(string name, bool byFolder, bool schema = false) => CallKey.Of(call with { Model = name }, new(name, new() { SupportsJsonSchema = schema }) { IsNamedByFolder = byFolder }, "m");
        Assert.Equal(Key("local:runs/sft", true), Key("local:./runs/sft", true));
        Assert.NotEqual(Key("a", false), Key("b", false));
        Assert.NotEqual(Key("a", false), Key("a", false, schema: true));
        UInt128 Seeded(long seed, bool sent) => CallKey.Of(call with { Options = call.Options with { Seed = seed } }, new("a", new() { SupportsSeed = sent }), "m");
        Assert.Equal((true, false), (Seeded(1, false) == Seeded(2, false), Seeded(1, true) == Seeded(2, true)));
        Assert.False(ModelPool.Of([("judge", ["http://127.0.0.1:1/v1#m"])], null)["http://127.0.0.1:1/v1#m"].IsNamedByFolder);
    }

    [Fact]
    public void A_local_model_that_is_asked_with_an_empty_system_turn_is_asked_something_else()
    {
        using var folder = new TempFolder();
        folder.Write("config.json", "{}");
        string Identity(bool turn) => LocalContent.IdentityOf(new("m", new() { Local = folder.PathOf("."), AutoInsertEmptySystemMsg = turn }));
        Assert.NotEqual(Identity(false), Identity(true));
    }

    [Fact]
    public async Task Another_model_behind_the_same_name_is_asked_anew_and_another_address_is_not()
    {
        await using FakeEndpoint one = await FakeEndpoint.Echo(), other = await FakeEndpoint.Echo();
        foreach (var model in new[] { one.Model(options: new() { Model = "m" }), other.Model(options: new() { Model = "m" }), other.Model(options: new() { Model = "n" }) })
        {
            await using var calls = _world.Open(model);
            await calls.Ask(CallWorld.Call("a"), TestContext.Current.CancellationToken);
        }
        Assert.Equal((1, 1), (one.Requests.Count, other.Requests.Count));
    }

    /// <summary>Cut off at every byte: what stood there before the last whole line is read, the rest is asked again.</summary>
    [Fact]
    public async Task A_torn_end_is_cut_off_wherever_it_is_torn()
    {
        await using var endpoint = await FakeEndpoint.Start((context, body, _) => FakeEndpoint.Answer(context, "ä\n\"" + FakeEndpoint.LastMessage(body)));
        await using (var calls = _world.Open(endpoint.Model()))
            for (var i = 0; i < 2; i++) await calls.Ask(CallWorld.Call($"{i}"), TestContext.Current.CancellationToken);
        var whole = await File.ReadAllBytesAsync(_world.Journal, TestContext.Current.CancellationToken);
        var ends = Enumerable.Range(0, whole.Length).Where(i => whole[i] == '\n').ToArray();
        Assert.Equal(3, ends.Length);
        for (var cut = 0; cut < whole.Length; cut++)
        {
            await File.WriteAllBytesAsync(_world.Journal, whole[..cut], TestContext.Current.CancellationToken);
            await using (var calls = _world.Open(endpoint.Model())) Assert.Equal(Math.Max(0, ends.Count(end => end < cut) - 1), calls.Found);
            var kept = await File.ReadAllBytesAsync(_world.Journal, TestContext.Current.CancellationToken);
            Assert.Equal(whole[..(ends.LastOrDefault(end => end < cut, ends[0]) + 1)], kept);
        }
    }

    [Theory]
    [InlineData("{\"key\": \"00\"}\n")]
    [InlineData("\0\0\0\0\n")]
    [InlineData("half a line")]
    [InlineData("\n\n")]
    public async Task What_is_no_entry_at_the_end_is_cut_off(string tail)
    {
        await using var endpoint = await FakeEndpoint.Echo();
        await using (var calls = _world.Open(endpoint.Model())) await calls.Ask(CallWorld.Call("a"), TestContext.Current.CancellationToken);
        var whole = await File.ReadAllTextAsync(_world.Journal, TestContext.Current.CancellationToken);
        await File.AppendAllTextAsync(_world.Journal, tail, TestContext.Current.CancellationToken);
        await using (var calls = _world.Open(endpoint.Model())) Assert.Equal(1, calls.Found);
        Assert.Equal(whole, await File.ReadAllTextAsync(_world.Journal, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Damage_in_the_middle_and_other_files_are_refused_and_left_alone()
    {
        await using var endpoint = await FakeEndpoint.Echo();
        await using (var calls = _world.Open(endpoint.Model()))
            for (var i = 0; i < 2; i++) await calls.Ask(CallWorld.Call($"{i}"), TestContext.Current.CancellationToken);
        var lines = await File.ReadAllLinesAsync(_world.Journal, TestContext.Current.CancellationToken);
        await File.WriteAllLinesAsync(_world.Journal, [lines[0], "{", lines[1], lines[2]], TestContext.Current.CancellationToken);
        Assert.Equal($"{_world.Journal}, line 2: found a damaged entry with whole ones behind it, expected a journal as it was written; without that line its call is made again",
            Assert.Throws<UserErrorException>(() => _world.Open(endpoint.Model())).Message);

        await File.WriteAllTextAsync(_world.Journal, "{\"prompt\": \"hi\"}\n", TestContext.Current.CancellationToken);
        Assert.Equal($$"""{{_world.Journal}}: found a file that is no journal of calls, expected one that begins with {"journal":"zephyr calls","version":1}, or none""",
            Assert.Throws<UserErrorException>(() => _world.Open(endpoint.Model())).Message);
        Assert.Equal("{\"prompt\": \"hi\"}\n", await File.ReadAllTextAsync(_world.Journal, TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task Two_runs_do_not_share_a_journal()
    {
        await using var endpoint = await FakeEndpoint.Echo();
        await using var calls = _world.Open(endpoint.Model());
        Assert.EndsWith($": another run (process {Environment.ProcessId}) is writing to it, expected a folder of its own for each",
            Assert.Throws<UserErrorException>(() => _world.Open(endpoint.Model())).Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("transient", 1, 2)]
    [InlineData("all", 2, 2)]
    [InlineData("none", 1, 1)]
    public async Task Failed_calls_are_made_again_by_the_next_run_as_asked(string retryFailed, int finals, int passings)
    {
        await using var endpoint = await FakeEndpoint.Start((context, body, _) => FakeEndpoint.Error(context, FakeEndpoint.LastMessage(body) == "final" ? 400 : 500, "no"));
        for (var run = 0; run < 2; run++)
        {
            await using var calls = _world.Open(endpoint.Model(options: new() { MaxRetries = 0 }), new BudgetOptions { RetryFailed = retryFailed });
            // Twice: within a run a failure stands.
            for (var i = 0; i < 2; i++)
                foreach (var words in new[] { "final", "passing" }) Assert.Equal($"HTTP {(words == "final" ? 400 : 500)}: no", (await calls.Ask(CallWorld.Call(words), TestContext.Current.CancellationToken)).Failure);
        }
        Assert.Equal((finals, passings), (endpoint.Requests.Count(body => FakeEndpoint.LastMessage(body) == "final"), endpoint.Requests.Count(body => FakeEndpoint.LastMessage(body) == "passing")));
        Assert.Equal(finals + passings, _world.Lines.Count);
    }
}
