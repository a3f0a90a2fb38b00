using Microsoft.Win32.SafeHandles;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls;

/// <summary>
/// Where the answers of a journal stand, by call. In memory are keys and places: 50,000 answers take some 3 MB however long they are. May be used from several threads.
/// </summary>
/// <param name="retryFailed">Which failures of an earlier start do not count: transient, all or none (<see cref="BudgetOptions.RetryFailed"/>).</param>
internal sealed class JournalIndex(string retryFailed)
{
    private readonly Dictionary<UInt128, Entry> _entries = [];
    private readonly Lock _gate = new();

    /// <summary>Where an entry stands.</summary>
    /// <param name="Offset">Where its line begins.</param>
    /// <param name="Length">The line's bytes.</param>
    /// <param name="Open">A failure of an earlier start that is to be asked again.</param>
    private readonly record struct Entry(long Offset, int Length, bool Open);

    /// <summary>What all entries of earlier starts came to, those that were asked again and those of other configurations among them: it was paid for.</summary>
    public CallUsage Spent { get; private set; } = CallUsage.None;

    /// <summary>Entries of earlier starts.</summary>
    public int Found { get; private set; }

    /// <summary>Takes in an entry of an earlier start.</summary>
    public void Take(long offset, int length, JournalRecord record)
    {
        Spent += CallUsage.Of(record);
        Found++;
        var failed = record.Answer.Failure is not null;
        _entries[record.Key] = new(offset, length, failed && (retryFailed == "all" || (retryFailed == "transient" && record.Answer.Transient)));
    }

    /// <summary>Takes in an entry of this start: within a run a failure stands.</summary>
    public void Add(UInt128 key, long offset, int length)
    {
        lock (_gate) _entries[key] = new(offset, length, Open: false);
    }

    /// <summary>What became of a call; null where it was not made, or is to be made again.</summary>
    /// <exception cref="RunFailedException">The journal is not what it was.</exception>
    public JournalRecord? Find(UInt128 key, SafeFileHandle file)
    {
        Entry entry;
        lock (_gate)
            if (!_entries.TryGetValue(key, out entry) || entry.Open) return null;
        var line = new byte[entry.Length];
        return RandomAccess.Read(file, line, entry.Offset) == line.Length && JournalRecord.Read(line) is { } record && record.Key == key ? record
            : throw new RunFailedException($"the journal of calls was changed while it was read, at byte {entry.Offset}");
    }
}
