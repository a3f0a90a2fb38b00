using Microsoft.Win32.SafeHandles;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls;

/// <summary>
/// The answers of all starts of a run, in a file of its folder. Entries of other calls (another seed, other prompts) are never asked for and do no harm.
/// </summary>
internal sealed class CallJournal : IAsyncDisposable
{
    private readonly JournalIndex _index;
    private readonly SafeFileHandle _file;
    private readonly JournalWriter _writer;
    private readonly IDisposable _lock;

    /// <param name="path">The file; made where there is none, in a folder that is there.</param>
    /// <param name="retryFailed">Which failed calls count as not made.</param>
    /// <exception cref="UserErrorException">Another run writes to it, it is no journal, or it is damaged.</exception>
    /// <exception cref="RunFailedException">It cannot be written.</exception>
    public CallJournal(string path, string retryFailed)
    {
        _index = new(retryFailed);
        try
        {
            _lock = OutputFolder.Lock(path + ".lock", Path.GetDirectoryName(path)!);
            try
            {
                _file = JournalFile.Open(path, _index.Take);
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

    /// <summary>What earlier starts came to.</summary>
    public CallUsage Spent => _index.Spent;

    /// <summary>Entries that were there when it was opened.</summary>
    public int Found => _index.Found;

    /// <summary>What became of a call; null where it was not made, or is to be made again.</summary>
    public JournalRecord? Find(UInt128 key) => _index.Find(key, _file);

    /// <summary>Adds what became of a call. When this returns, it is on the disk.</summary>
    /// <exception cref="RunFailedException">It could not be written.</exception>
    public async Task Add(JournalRecord record)
    {
        var (offset, length) = await _writer.Append(record);
        _index.Add(record.Key, offset, length);
    }

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        await _writer.DisposeAsync();
        _file.Dispose();
        _lock.Dispose();
    }
}
