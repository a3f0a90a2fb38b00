using System.Globalization;
using Zephyr.Runtime;

namespace Zephyr.Tests.Hostile;

/// <summary>
/// Every reader is given files that were whole once. It reads them or refuses them in a sentence, in bounded time and memory; nothing else may come out.
/// scripts/fuzz.sh runs the same with many more inputs.
/// </summary>
[CollectionDefinition(nameof(HostileInputTests), DisableParallelization = true)]
[Collection(nameof(HostileInputTests))]
public sealed class HostileInputTests
{
    private static readonly HostileReader[] Readers = [.. RowReaders.All, .. ModelReaders.All, .. RunReaders.All, .. CallReaders.All];

    /// <summary>How far the process may grow while all inputs are read.</summary>
    private const long GrowthLimit = 768L << 20;

    public static TheoryData<string> Names => [.. Readers.Select(reader => reader.Name)];

    [Theory]
    [MemberData(nameof(Names))]
    public void A_mutated_file_is_read_or_refused_in_a_sentence(string name)
    {
        var reader = Readers.Single(reader => reader.Name == name);
        reader.RequireWhole();
        reader.Run(inputs: 300, seed: 1);
    }

    /// <summary>The long form: ZEPHYR_FUZZ inputs in all, from the seed ZEPHYR_FUZZ_SEED, with a table of what became of them in ZEPHYR_FUZZ_REPORT.</summary>
    [Fact]
    public void As_many_as_asked_for_are_read_or_refused_in_a_sentence()
    {
        Assert.SkipUnless(Number("ZEPHYR_FUZZ") is not null, "scripts/fuzz.sh runs it");
        var each = (int)Math.Ceiling(Number("ZEPHYR_FUZZ")!.Value / (double)Readers.Length);
        var seed = Number("ZEPHYR_FUZZ_SEED") ?? 1;
        // Once round first: what the readers load and compile is no growth.
        foreach (var reader in Readers) reader.RequireWhole();
        foreach (var reader in Readers) reader.Run(inputs: 5, seed);
        ProcessMemory.ForgetPeak();
        var before = ProcessMemory.Resident;
        HostileTally[] tallies = [.. Readers.Select(reader => reader.Run(each, seed))];
        var growth = ProcessMemory.Peak - before;
        if (Environment.GetEnvironmentVariable("ZEPHYR_FUZZ_REPORT") is { Length: > 0 } report) File.WriteAllText(report, Table(tallies, growth));
        Assert.InRange(growth, 0, GrowthLimit);
    }

    private static int? Number(string variable) =>
        int.TryParse(Environment.GetEnvironmentVariable(variable), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static string Table(HostileTally[] tallies, long growth) => string.Join('\n',
    [
        "| reader | inputs | read | refused | slowest | most allocated |",
        "|---|---|---|---|---|---|",
        .. tallies.Select(tally => string.Create(CultureInfo.InvariantCulture,
            $"| {tally.Reader} | {tally.Inputs} | {tally.Read} | {tally.Refused} | {tally.Slowest.TotalMilliseconds:0} ms | {tally.MostAllocated / 1048576.0:0.0} MiB |")),
        $"| all | {tallies.Sum(tally => tally.Inputs)} | {tallies.Sum(tally => tally.Read)} | {tallies.Sum(tally => tally.Refused)} | | peak resident size +{growth >> 20} MiB |",
        "",
    ]);
}
