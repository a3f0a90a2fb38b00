using System.Threading.Channels;
using Microsoft.Win32.SafeHandles;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Calls;

/// <summary>
/// Appends records to a journal. One that has been returned is on the disk; all that come while the disk is busy are flushed together, so that many calls at a time
/// do not wait for each other.
/// </summary>
internal sealed class JournalWriter : IAsyncDisposable
{
    private readonly Channel<Waiting> _queue = Channel.CreateUnbounded<Waiting>(new() { SingleReader = true });
    private readonly SafeFileHandle _file;
    private readonly string _path;
    private readonly Task _work;
    private long _length;

    private sealed record Waiting(JournalRecord Record, TaskCompletionSource<(long Offset, int Length)> Done);

    /// <param name="file">The open file; it stays the caller's.</param>
    /// <param name="path">Its name, for messages.</param>
    public JournalWriter(SafeFileHandle file, string path)
    {
        (_file, _path, _length) = (file, path, RandomAccess.GetLength(file));
        // A thread of its own: it spends its time in fsync, and on two cores the pool has two threads for all calls under way.
        _work = Task.Factory.StartNew(Work, CancellationToken.None, TaskCreationOptions.LongRunning, TaskScheduler.Default);
    }

    /// <summary>Appends a record and waits until it is on the disk.</summary>
    /// <returns>Where its line stands, and its bytes without the line feed.</returns>
    /// <exception cref="RunFailedException">It cannot be written, now or since an earlier record could not be.</exception>
    public Task<(long Offset, int Length)> Append(JournalRecord record)
    {
        var done = new TaskCompletionSource<(long, int)>(TaskCreationOptions.RunContinuationsAsynchronously);
        if (!_queue.Writer.TryWrite(new(record, done))) throw new InvalidOperationException("the journal is closed");
        return done.Task;
    }

    /// <summary>Waits until everything is on the disk.</summary>
    public async ValueTask DisposeAsync()
    {
        _queue.Writer.TryComplete();
        await _work;
    }

    private void Work()
    {
        var batch = new List<(Waiting Waiting, long Offset, int Length)>();
        Exception? failure = null;
        while (_queue.Reader.WaitToReadAsync().AsTask().GetAwaiter().GetResult())
        {
            batch.Clear();
            using var bytes = new MemoryStream();
            while (_queue.Reader.TryRead(out var waiting))
            {
                var start = bytes.Length;
                waiting.Record.Write(bytes);
                batch.Add((waiting, _length + start, (int)(bytes.Length - start) - 1));
            }
            // After one failure nothing is tried again: the disk may hold half a line, and the next start cuts that off.
            failure ??= Write(bytes);
            foreach (var (waiting, offset, length) in batch)
            {
                if (failure is null) waiting.Done.SetResult((offset, length));
                else waiting.Done.SetException(new RunFailedException($"{_path}: an answer could not be written: {failure.Message}; what was answered before is kept, and the same command goes on from it", failure));
            }
        }
    }

    private Exception? Write(MemoryStream bytes)
    {
        try
        {
            WholeFile.Guard(() =>
            {
                RandomAccess.Write(_file, bytes.GetBuffer().AsSpan(0, (int)bytes.Length), _length);
                RandomAccess.FlushToDisk(_file);
            });
            _length += bytes.Length;
            return null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return error;
        }
    }
}
