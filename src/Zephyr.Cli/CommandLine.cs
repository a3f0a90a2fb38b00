using System.CommandLine;
using System.CommandLine.Help;
using Zephyr.Cli.Commands;
using Zephyr.Cli.Rendering;
using Zephyr.Runtime;

namespace Zephyr.Cli;

/// <summary>The verbs in the order of the story, and how their arguments are read.</summary>
internal static class CommandLine
{
    /// <summary>Reads the arguments, runs the command and returns its exit code.</summary>
    public static int Run(IReadOnlyList<string> args, CliConsole console, CancellationToken cancellation)
    {
        var session = new CliSession(console, cancellation);
        var root = Build(session);
        var parsed = root.Parse(Arguments.WithValues(args, root), new ParserConfiguration { EnablePosixBundling = false, ResponseFileTokenReplacer = null });
        if (parsed.Action is not HelpPage && ParseErrors.OfCommand(parsed) is { } error)
        {
            console.Error.WriteLine(PlainText.OneLine(Secrets.Mask(error)));
            return ExitCodes.BadInput;
        }

        return parsed.Invoke(new InvocationConfiguration
        {
            Output = console.Output,
            Error = console.Error,
            EnableDefaultExceptionHandler = false,
            // The signals are ours: the package would kill the process two seconds after Ctrl-C, in the middle of a checkpoint.
            ProcessTerminationTimeout = null,
        });
    }

    internal static RootCommand Build(CliSession session)
    {
        var root = new RootCommand("The Zephyr recipe as one native program: SFT, AI feedback, DPO (arXiv 2310.16944).")
        {
            DemoCommand.Create(session),
            CleanCommand.Create(session),
            SftCommand.Create(session),
            AifCommand.Create(session),
            DpoCommand.Create(session),
            RubricsCommand.Create(session),
            PlanCommand.Create(session),
            InspectCommand.Create(session),
            MergeCommand.Create(session),
            GenerateCommand.Create(session),
            ServeCommand.Create(session),
            EvalCommand.Create(session),
            BenchCommand.Create(session),
            ScoreCommand.Create(session),
            TokenizeCommand.Create(session),
            DoctorCommand.Create(session),
        };
        // The package's own names include /h and -?, which would turn a prompt "/h" into a call for help.
        foreach (var option in root.Options.OfType<HelpOption>().ToList()) root.Options.Remove(option);
        root.Options.Add(new HelpOption("--help", "-h") { Description = "Show this page.", Action = new HelpPage() });
        root.Directives.Clear();
        return root;
    }
}

/// <summary>What every command is given.</summary>
/// <param name="Console">Its two streams.</param>
/// <param name="Cancellation">Cancelled by Ctrl-C and SIGTERM.</param>
internal sealed record CliSession(CliConsole Console, CancellationToken Cancellation);
