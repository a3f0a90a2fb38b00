using System.CommandLine;
using Serilog;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Pipeline;
using Zephyr.Training;

namespace Zephyr.Cli.Commands;

/// <summary>The options of sft and dpo besides the keys of their configuration.</summary>
internal sealed record StageSwitches
{
    [ConfigKey("YAML file with the keys below")]
    public string? Config { get; init; }

    [ConfigKey("auto (from the newest checkpoint in output_dir, if any), never, or a checkpoint folder")]
    public string Resume { get; init; } = "auto";

    [ConfigKey("do everything up to the first step and write nothing: print the resolved configuration with the origin of every value, and as comments below it what would run", Spelling = "dry-run")]
    public bool DryRun { get; init; }

    [ConfigKey("no progress on stderr; errors only")]
    public bool Quiet { get; init; }

    [ConfigKey("the log on stderr too")]
    public bool Verbose { get; init; }
}

/// <summary>The same of aif and clean, which have no checkpoints to go on from.</summary>
internal sealed record RowSwitches
{
    [ConfigKey("YAML file with the keys below")]
    public string? Config { get; init; }

    [ConfigKey("read and check everything, ask nobody and write nothing: print the resolved configuration with the origin of every value, and as comments below it what would come of it", Spelling = "dry-run")]
    public bool DryRun { get; init; }

    [ConfigKey("no progress on stderr; errors only")]
    public bool Quiet { get; init; }

    [ConfigKey("the log on stderr too")]
    public bool Verbose { get; init; }
}

/// <summary>What a stage is given besides its configuration.</summary>
/// <param name="Settings">The choice of --resume, and who renders the progress on stderr and logs it.</param>
/// <param name="Log">Writes output_dir/zephyr.log, which is created with the first line.</param>
/// <param name="Console">The two streams.</param>
/// <param name="Quiet">No progress on stderr.</param>
/// <param name="Cancellation">Cancelled by Ctrl-C and SIGTERM.</param>
internal sealed record StageSession(StageSettings Settings, ILogger Log, CliConsole Console, bool Quiet, CancellationToken Cancellation);

/// <summary>What --dry-run found.</summary>
/// <param name="Lines">For people.</param>
/// <param name="Require">Refuses, once it was shown, what the run itself would refuse before it loads anything.</param>
internal sealed record Rehearsal(IEnumerable<string> Lines, Action Require);

/// <summary>From arguments to a resolved configuration and a running stage: the same for clean, sft, aif and dpo.</summary>
internal static class StageCommand
{
    private const string Resuming = "[--resume auto|never|CHECKPOINT] ";

    /// <summary>A stage that trains.</summary>
    public static Command Create<T>(
        CliSession session, string name, string description, Func<T, RunOptions> outputOf, Func<ResolvedConfig<T>, StageSession, int> run,
        Func<ResolvedConfig<T>, StageSettings, CancellationToken, Rehearsal> rehearse)
        where T : class, new() =>
        Create<T, StageSwitches>(session, name, description, switched => switched, outputOf, run, rehearse);

    /// <summary>A stage that makes rows of rows.</summary>
    /// <inheritdoc cref="Create{T}"/>
    public static Command CreateOfRows<T>(
        CliSession session, string name, string description, Func<T, RunOptions> outputOf, Func<ResolvedConfig<T>, StageSession, int> run,
        Func<ResolvedConfig<T>, StageSettings, CancellationToken, Rehearsal> rehearse)
        where T : class, new() =>
        Create<T, RowSwitches>(session, name, description,
            switched => new() { Config = switched.Config, DryRun = switched.DryRun, Quiet = switched.Quiet, Verbose = switched.Verbose }, outputOf, run, rehearse);

    private static SchemaCommand Create<T, TSwitches>(
        CliSession session, string name, string description, Func<TSwitches, StageSwitches> choicesOf, Func<T, RunOptions> outputOf, Func<ResolvedConfig<T>, StageSession, int> run,
        Func<ResolvedConfig<T>, StageSettings, CancellationToken, Rehearsal> rehearse)
        where T : class, new() where TSwitches : class, new()
    {
        ConfigSchema switches = ConfigSchema.Of<TSwitches>(), keys = ConfigSchema.Of<T>();
        var command = new SchemaCommand(name, description, $"[--config FILE] [--KEY VALUE]... {(switches.Find("resume") is null ? "" : Resuming)}[--dry-run] [--quiet] [--verbose]", switches, keys);
        command.SetAction(parsed =>
        {
            var usage = ParseErrors.OfArguments(parsed).ToList();
            var switched = choicesOf(ReadSwitches<TSwitches>(KeyOption.Collect(parsed, switches), usage));
            var config = ConfigReader.Read<T>(switched.Config, KeyOption.Collect(parsed, keys), usage);
            using var log = Logging.Create(outputOf(config.Value).OutputDir, switched.Verbose ? session.Console.Error : null);
            using var progress = new ConsoleObserver(session.Console, TimeProvider.System);
            // First: it is of use also where something that it names is not there yet.
            if (switched.DryRun) Write(session.Console.Output, config.ToText());
            if (!switched.Quiet) progress.Wait($"{name}: reading and checking what it starts from ...");
            if (switched.DryRun)
            {
                var (lines, require) = rehearse(config, new(switched.Resume, SilentObserver.Instance), session.Cancellation);
                progress.Dispose();
                // Comments: what is printed stays a configuration that can be run.
                Write(session.Console.Output, string.Concat(lines.Prepend("").Select(line => $"# {PlainText.OneLine(line)}".TrimEnd() + "\n")));
                require();
                return ExitCodes.Done;
            }
            ITrainingObserver observer = switched.Quiet ? SilentObserver.Instance : progress;
            var watchers = new CompositeObserver(observer, new LogObserver(log));
            return Logging.Around(log, name, () => run(config, new(new(switched.Resume, watchers), log, session.Console, switched.Quiet, session.Cancellation)));
        });
        return command;
    }

    /// <summary>At once: what follows may take a while, or fail.</summary>
    private static void Write(TextWriter output, string text)
    {
        output.Write(text);
        output.Flush();
    }

    /// <summary>What is wrong with the switches joins what is wrong with the configuration, so that all of it is told at once.</summary>
    private static T ReadSwitches<T>(IReadOnlyList<ConfigOverride> given, List<LocatedProblem> usage) where T : class, new()
    {
        try
        {
            return ConfigReader.Read<T>(null, given).Value;
        }
        catch (ConfigException wrong)
        {
            usage.AddRange(wrong.Problems);
            return new();
        }
    }

    /// <summary>A training run that was only planned.</summary>
    public static Rehearsal Rehearse(RunPlan plan, bool checksMemory) => new(PlanText.Of(plan), checksMemory ? plan.Memory.Require : () => { });

    /// <summary>The exit code of a training run.</summary>
    public static int Finish(TrainingSummary summary) => summary.Interrupted ? ExitCodes.Interrupted : ExitCodes.Done;
}
