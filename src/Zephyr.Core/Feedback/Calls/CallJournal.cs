using Microsoft.Win32.SafeHandles;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls;

/// <summary>
/// The answers of all starts of a run, in a file of its folder. In memory are the keys and where their lines stand: 50,000 answers take some 3 MB however long they are.
/// Entries of other calls (another seed, other prompts) are never asked for and do no harm.
/// </summary>
internal sealed class CallJournal : IAsyncDisposable
{
    private readonly Dictionary<UInt128, Entry> _entries = [];
    private readonly Lock _gate = new();
    private readonly SafeFileHandle _file;
    private readonly JournalWriter _writer;
    private readonly IDisposable _lock;

    /// <summary>Where an entry stands.</summary>
    /// <param name="Offset">Where its line begins.</param>
    /// <param name="Length">The line's bytes.</param>
    /// <param name="Open">A failure of an earlier start that is to be asked again.</param>
    private readonly record struct Entry(long Offset, int Length, bool Open);

    /// <param name="path">The file; made where there is none, in a folder that is there.</param>
    /// <param name="retryFailed">transient, all or none (<see cref="BudgetOptions.RetryFailed"/>).</param>
    /// <exception cref="UserErrorException">Another run writes to it, it is no journal, or it is damaged.</exception>
    /// <exception cref="RunFailedException">It cannot be written.</exception>
    public CallJournal(string path, string retryFailed)
    {
        try
        {
            _lock = OutputFolder.Lock(path + ".lock", Path.GetDirectoryName(path)!);
            try
            {
                _file = JournalFile.Open(path, (offset, length, record) => Add(offset, length, record, retryFailed));
            }
            catch
            {
                _lock.Dispose();
                throw;
            }
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RunFailedException($"{path}: the journal of calls cannot be written: {error.Message}", error);
        }
        _writer = new(_file, path);
    }

    /// <summary>What all its entries came to, those that were asked again and those of other configurations among them: it was paid for.</summary>
    public CallUsage Spent { get; private set; } = CallUsage.None;

    /// <summary>Entries that were there when it was opened.</summary>
    public int Found { get; private set; }

    /// <summary>What became of a call; null where it was not made, or is to be made again.</summary>
    public JournalRecord? Find(UInt128 key)
    {
        Entry entry;
        lock (_gate)
            if (!_entries.TryGetValue(key, out entry) || entry.Open) return null;
        var line = new byte[entry.Length];
        return RandomAccess.Read(_file, line, entry.Offset) == line.Length && JournalRecord.Read(line) is { } record && record.Key == key ? record
            : throw new RunFailedException($"the journal of calls was changed while the run was reading it, at byte {entry.Offset}");
    }

    /// <summary>Adds what became of a call. When this returns, it is on the disk.</summary>
    /// <exception cref="RunFailedException">It could not be written.</exception>
    public async Task Add(JournalRecord record)
    {
        var (offset, length) = await _writer.Append(record);
        lock (_gate) _entries[record.Key] = new(offset, length, Open: false);
    }

    /// <summary>The calls of a journal that need not be made, without opening it for writing.</summary>
    /// <param name="path">The file; there need be none.</param>
    /// <param name="retryFailed">transient, all or none.</param>
    public static (IReadOnlySet<UInt128> Answered, CallUsage Spent) Look(string path, string retryFailed)
    {
        var (answered, spent) = (new HashSet<UInt128>(), CallUsage.None);
        if (File.Exists(path))
            JournalFile.Scan(path, (_, _, record) =>
            {
                spent += CallUsage.Of(record);
                if (IsOpen(record.Answer, retryFailed)) answered.Remove(record.Key);
                else answered.Add(record.Key);
            });
        return (answered, spent);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync();
        _file.Dispose();
        _lock.Dispose();
    }

    private void Add(long offset, int length, JournalRecord record, string retryFailed)
    {
        Spent += CallUsage.Of(record);
        Found++;
        _entries[record.Key] = new(offset, length, IsOpen(record.Answer, retryFailed));
    }

    private static bool IsOpen(CallAnswer answer, string retryFailed) =>
        answer.Failure is not null && (retryFailed == "all" || (retryFailed == "transient" && answer.Transient));
}
