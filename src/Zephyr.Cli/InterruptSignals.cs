using System.Runtime.InteropServices;

namespace Zephyr.Cli;

/// <summary>
/// SIGINT and SIGTERM ask the run to stop at the next step and write a checkpoint; the second one ends the process on the spot.
/// </summary>
internal sealed partial class InterruptSignals : IDisposable
{
    private readonly CancellationTokenSource _source = new();
    private readonly TextWriter _error;
    private readonly PosixSignalRegistration[] _registrations;
    private int _count;

    public InterruptSignals(TextWriter error)
    {
        _error = error;
        _registrations =
        [
            PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal),
            PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal),
        ];
    }

    /// <summary>Cancelled by the first signal.</summary>
    public CancellationToken Token => _source.Token;

    public void Dispose()
    {
        foreach (var registration in _registrations) registration.Dispose();
        _source.Dispose();
    }

    private void OnSignal(PosixSignalContext context)
    {
        context.Cancel = true;
        // Not Environment.Exit: it runs finalisers and native destructors while libtorch's threads still work.
        if (Interlocked.Increment(ref _count) > 1) ExitNow(ExitCodes.Interrupted);
        _error.WriteLine("zephyr: stopping; once more to stop at once");
        _source.Cancel();
    }

    [LibraryImport("libc", EntryPoint = "_exit")]
    private static partial void ExitNow(int status);
}
