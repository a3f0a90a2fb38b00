namespace Zephyr.Cli;

/// <summary>The program: streams and signals of the process around <see cref="CommandLine"/>.</summary>
internal static class Program
{
    internal static int Main(string[] args)
    {
        var console = CliConsole.OfProcess();
        using var signals = new InterruptSignals(console.Error);
        return Run(args, console, signals.Token);
    }

    /// <summary>Everything the process does, on streams that a test can hold.</summary>
    internal static int Run(IReadOnlyList<string> args, CliConsole console, CancellationToken cancellation)
    {
        var code = Guarded(() => CommandLine.Run(args, console, cancellation), console.Error);
        // Also after a failure: what was found until then is not lost.
        var flushed = Guarded(() =>
        {
            console.Output.Flush();
            return ExitCodes.Done;
        }, console.Error);
        return code == ExitCodes.Done ? flushed : code;
    }

    private static int Guarded(Func<int> run, TextWriter error)
    {
        try
        {
            return run();
        }
        catch (Exception e)
        {
            return ExitCodes.Report(e, error);
        }
    }
}
