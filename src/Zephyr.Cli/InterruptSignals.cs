using System.Runtime.InteropServices;

namespace Zephyr.Cli;

/// <summary>
/// SIGINT and SIGTERM ask the run to stop at the next step and write a checkpoint; the second one ends the process on the spot.
/// </summary>
internal sealed partial class InterruptSignals : IDisposable
{
    // Linux's number. .NET has no name for it, and by itself it ends the process without a word.
    private const PosixSignal FileSizeExceeded = (PosixSignal)25;

    private readonly CancellationTokenSource _source = new();
    private readonly TextWriter _error;
    private readonly Action _exitNow;
    private readonly PosixSignalRegistration[] _registrations;
    private int _count;

    /// <param name="error">Where the first signal is answered.</param>
    /// <param name="exitNow">What the second one does; a test must survive it.</param>
    public InterruptSignals(TextWriter error, Action? exitNow = null)
    {
        (_error, _exitNow) = (error, exitNow ?? (() => ExitNow(ExitCodes.Interrupted)));
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
            // A file at the limit of its size (ulimit -f) is then an error of the write, as a full disk is.
            PosixSignalRegistration.Create(FileSizeExceeded, context => context.Cancel = true),
        ];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _source.Dispose();
    }

    /// <summary>A signal has come.</summary>
    internal void Receive()
    {
        if (Interlocked.Increment(ref _count) > 1)
        {
            _exitNow();
            return;
        }

        _error.WriteLine("zephyr: stopping; once more to stop at once");
        _source.Cancel();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        Receive();
    }

    // Not Environment.Exit: it runs finalisers and native destructors while libtorch's threads still work.
    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitNow(int status);
}
