using Zephyr.Feedback.Calls;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>What a caller is told about a record is true of the disk.</summary>
public sealed class JournalWriterTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_record_that_is_handed_back_stands_in_the_file()
    {
        var path = _folder.Write("calls.jsonl", "");
        using var file = File.OpenHandle(path, FileMode.Open, FileAccess.ReadWrite, FileShare.Read);
        await using var writer = new JournalWriter(file, path);
        for (var i = 0; i < 20; i++)
        {
            var (offset, length) = await writer.Append(Record(i));
            var bytes = await File.ReadAllBytesAsync(path, TestContext.Current.CancellationToken);
            Assert.Equal((offset + length + 1, Record(i)), (bytes.Length, JournalRecord.Read(bytes.AsMemory((int)offset, length))));
        }
    }

    /// <summary>Each of them fails, also those that come later, and none is waited for in vain.</summary>
    [Fact]
    public async Task A_full_disk_fails_every_record_from_there_on()
    {
        if (!File.Exists("/dev/full")) Assert.Skip("no /dev/full here");
        using var file = File.OpenHandle("/dev/full", FileMode.Open, FileAccess.ReadWrite, FileShare.ReadWrite);
        await using var writer = new JournalWriter(file, "calls.jsonl");
        Task<(long, int)>[] asked = [.. Enumerable.Range(0, 20).Select(i => writer.Append(Record(i)))];
        foreach (var task in asked.Append(writer.Append(Record(20))))
        {
            var failure = await Assert.ThrowsAsync<RunFailedException>(() => task);
            Assert.StartsWith("calls.jsonl: an answer could not be written: No space left on device", failure.Message, StringComparison.Ordinal);
            Assert.EndsWith("; what was answered before is kept, and the same command goes on from it", failure.Message, StringComparison.Ordinal);
        }
    }

    private static JournalRecord Record(int i) => new((UInt128)(uint)i, $"generate/{i}/0", "fake", new($"answer {i}", null, "stop", 10, 5), 0);
}
