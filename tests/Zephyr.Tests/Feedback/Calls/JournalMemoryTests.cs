using Zephyr.Feedback.Calls;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>Measures the whole process, so nothing else may run beside it.</summary>
[CollectionDefinition(nameof(JournalMemoryTests), DisableParallelization = true)]
[Collection(nameof(JournalMemoryTests))]
public sealed class JournalMemoryTests : IDisposable
{
    private const int Entries = 50_000;

    private readonly CallWorld _world = new();

    public void Dispose() => _world.Dispose();

    /// <summary>The least of some readings: what earlier tests have left to end by itself can only add to one.</summary>
    [Fact]
    public async Task Memory_holds_places_and_not_texts()
    {
        const long Bound = 8 << 20;
        await using var endpoint = await FakeEndpoint.Echo();
        await using (_world.Open(endpoint.Model())) { }
        await using (var file = new FileStream(_world.Journal, FileMode.Append))
            for (var i = 0; i < Entries; i++)
                new JournalRecord((UInt128)(uint)i, $"generate/{i}/0", "fake", new(new string('x', 2000) + i, null, "stop", 100, 500), 0).Write(file);
        var least = long.MaxValue;
        for (var reading = 0; reading < 5 && least > Bound; reading++)
        {
            var before = GC.GetTotalMemory(forceFullCollection: true);
            await using var calls = _world.Open(endpoint.Model());
            Assert.Equal(Entries, calls.Found);
            least = Math.Min(least, GC.GetTotalMemory(forceFullCollection: true) - before);
        }
        TestContext.Current.TestOutputHelper?.WriteLine($"{Entries} entries, {new FileInfo(_world.Journal).Length >> 20} MiB: {least >> 10} KiB held");
        Assert.InRange(least, 0, Bound);
        await using var again = _world.Open(endpoint.Model());
        Assert.Equal("echo: a", (await again.Ask(CallWorld.Call("a"), TestContext.Current.CancellationToken)).Text);
    }
}
