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
        var code = RunCommand(args, console, cancellation);
        try
        {
            console.Output.Flush();
        }
        catch (IOException e)
        {
            // A reader that went away (zephyr ... | head) does not end here: the runtime swallows a broken pipe. A full disk does.
            console.Error.WriteLine($"zephyr: the output could not be written: {e.Message}");
            return ExitCodes.Failed;
        }

        return code;
    }

    private static int RunCommand(IReadOnlyList<string> args, CliConsole console, CancellationToken cancellation)
    {
        try
        {
            return CommandLine.Run(args, console, cancellation);
        }
        catch (Exception e)
        {
            return ExitCodes.Report(e, console.Error);
        }
    }
}
