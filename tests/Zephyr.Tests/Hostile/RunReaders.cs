using System.Security.Cryptography;
using System.Text;
using Zephyr.Data.Prepared;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Prepared;
using Zephyr.Tests.Data.Sources;
using Zephyr.Training;

namespace Zephyr.Tests.Hostile;

/// <summary>Readers of what a run leaves and finds again.</summary>
internal static class RunReaders
{
    private static readonly byte[] Key = SHA256.HashData("it"u8);

    private const string State = """
        {
          "step": 4,
          "tokens": 1234,
          "tally_sums": [1.5, "NaN"],
          "tally_weights": [2, 3],
          "evaluation_due": false,
          "shape": {"objective": "sft", "rows": "17"}
        }
        """;

    private const string References = """
        {"reference":"sha256:abc fp32"}
        {"pair":"00112233445566778899aabbccddeeff","chosen":-12.5,"rejected":-1.25E+01}
        {"pair":"ffeeddccbbaa99887766554433221100","chosen":-1,"rejected":-2}

        """;

    public static IEnumerable<HostileReader> All =>
    [
        new("trainer_state.json", TrainingState.FileName, [Encoding.UTF8.GetBytes(State)], path => TrainingState.Read(Path.GetDirectoryName(path)!)),
        new("reference_logps.jsonl", ReferenceCache.FileName, [Encoding.UTF8.GetBytes(References)], path => _ = new ReferenceCache(path, "sha256:abc fp32").Known.Count),
        new("run.json", OutputFolder.RecordName, ["""{"stage": "sft", "config": {"seed": {"value": 1}}}"""u8.ToArray()], path => OutputFolder.StageOf(Path.GetDirectoryName(path)!)),
        new("prepared rows", "it.rows", [Sequences()], path => Read(path, new SequenceFormat(RandomRows.Files))),
        new("prepared rows with the right hash", "it.rows", [Sequences()], path => Read(Hashed(path), new SequenceFormat(RandomRows.Files))),
        new("prepared pairs with the right hash", "it.rows", [Pairs()], path => Read(Hashed(path), new PairFormat(RandomRows.Files))),
    ];

    public static byte[] Sequences() => Written(new SequenceFormat(RandomRows.Files), RandomRows.Sequences(12, 900), RandomRows.Sequences(3, 900));

    private static byte[] Pairs() => Written(new PairFormat(RandomRows.Files), RandomRows.Pairs(12, 900), RandomRows.Pairs(3, 900));

    private static byte[] Written<T>(IRowFormat<T> format, IEnumerable<T> train, IEnumerable<T> held)
    {
        using var folder = new TempFolder();
        var path = folder.PathOf("it");
        PreparedFile<T>.Write(new(path, FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite, 0), new(format, true, train, held, () => ["a note"]), Key).Dispose();
        return File.ReadAllBytes(path);
    }

    public static void Read<T>(string path, IRowFormat<T> format)
    {
        using var file = PreparedFile<T>.Open(new(path, FileMode.Open, FileAccess.Read), format, Key, CancellationToken.None);
        if (file is null) throw new UserErrorException("it is not used, and the rows are made anew");
        foreach (var _ in file.Train.Concat(file.Held))
        {
            // Each is made of what stands in the file.
        }
    }

    /// <summary>The file lies, and vouches for it: what a hand can do that a crash cannot.</summary>
    public static string Hashed(string path)
    {
        var bytes = File.ReadAllBytes(path);
        if (bytes.Length < 104) return path;
        Key.CopyTo(bytes, bytes.Length - 64);
        SHA256.HashData(bytes.AsSpan(0, bytes.Length - 32)).CopyTo(bytes, bytes.Length - 32);
        File.WriteAllBytes(path, bytes);
        return path;
    }
}
