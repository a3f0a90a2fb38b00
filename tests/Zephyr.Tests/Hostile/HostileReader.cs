using CsCheck;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Hostile;

/// <summary>What became of the inputs of one reader.</summary>
internal sealed record HostileTally(string Reader, int Inputs, int Read, int Refused, TimeSpan Slowest, long MostAllocated);

/// <summary>A reader under test, with whole files that it reads.</summary>
/// <param name="Name">Of what it reads.</param>
/// <param name="FileName">What the file is called.</param>
/// <param name="Samples">Whole files; the mutated ones are made of these.</param>
/// <param name="Read">Reads a file of that name to its end. It may throw <see cref="UserErrorException"/>, and nothing else.</param>
internal sealed record HostileReader(string Name, string FileName, IReadOnlyList<byte[]> Samples, Action<string> Read)
{
    /// <summary>Longer than any small file takes, also on a busy machine; what does not end by then hangs.</summary>
    public static readonly TimeSpan TimeLimit = TimeSpan.FromSeconds(30);

    /// <summary>The bytes that reading one file of at most 64 KiB may allocate, all in all, freed or not.</summary>
    public const long AllocationLimit = 256L << 20;

    /// <summary>A sentence that is longer is none.</summary>
    private const int LongestSentence = 4000;

    public HostileTally Run(int inputs, int seed)
    {
        using var folder = new TempFolder();
        var path = folder.PathOf(FileName);
        var files = Mutations.Of(Samples);
        var tally = new HostileTally(Name, inputs, 0, 0, TimeSpan.Zero, 0);
        for (var i = 0; i < inputs; i++)
        {
            // One source of randomness an input: any can be made again by itself.
            var bytes = files.Generate(new PCG((uint)i, (ulong)seed), null, out _);
            File.WriteAllBytes(path, bytes);
            tally = Count(tally, path, i, seed);
        }
        return tally;
    }

    /// <summary>Every sample is whole: otherwise the mutations would prove nothing.</summary>
    public void RequireWhole()
    {
        using var folder = new TempFolder();
        foreach (var sample in Samples) Read(folder.Write(FileName, sample));
    }

    private HostileTally Count(HostileTally tally, string path, int input, int seed)
    {
        var (watch, allocated) = (System.Diagnostics.Stopwatch.StartNew(), GC.GetTotalAllocatedBytes());
        Exception? error = null;
        // A thread of its own: one that hangs must not keep the others from being told.
        var thread = new Thread(() => error = Record.Exception(() => Read(path)), 1 << 20) { IsBackground = true };
        thread.Start();
        if (!thread.Join(TimeLimit)) throw Found("it did not end", null);
        var bytes = GC.GetTotalAllocatedBytes() - allocated;
        if (bytes > AllocationLimit) throw Found($"{bytes} bytes were allocated", error);
        if (error is not (null or UserErrorException)) throw Found("it threw what no user can read", error);
        if (error is not null && (error.Message.Length > LongestSentence || string.IsNullOrWhiteSpace(error.Message)))
            throw Found($"a sentence of {error.Message.Length} characters", error);
        return tally with
        {
            Read = tally.Read + (error is null ? 1 : 0),
            Refused = tally.Refused + (error is null ? 0 : 1),
            Slowest = watch.Elapsed > tally.Slowest ? watch.Elapsed : tally.Slowest,
            MostAllocated = Math.Max(tally.MostAllocated, bytes),
        };

        Exception Found(string what, Exception? inner)
        {
            var kept = Path.Combine(Path.GetTempPath(), $"zephyr-hostile-{seed}-{input}-{FileName}");
            File.Copy(path, kept, overwrite: true);
            return new InvalidOperationException($"{Name}, input {input} of seed {seed}, kept as {kept}: {what}", inner);
        }
    }
}
