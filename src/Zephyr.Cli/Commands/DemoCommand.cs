using System.CommandLine;
using System.Diagnostics;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Pipeline;
using Zephyr.Training;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr demo.</summary>
internal sealed record DemoOptions
{
    [ConfigKey("folder that receives everything the demo writes")]
    public string OutputDir { get; init; } = "runs/demo";

    [ConfigKey("seed of every random choice")]
    public long Seed { get; init; } = 42;
}

/// <summary>zephyr demo.</summary>
internal static class DemoCommand
{
    public static Command Create(CliSession session) => SchemaCommand.OfOptions<DemoOptions>(
        session, "demo", "The whole recipe on an embedded toy model and its data, in about a minute.", "[--output_dir DIR] [--seed N]", Run);

    private static int Run(DemoOptions options, CliSession session)
    {
        var watch = Stopwatch.StartNew();
        using var log = Logging.Create(options.OutputDir);
        using var console = new ConsoleObserver(session.Console, TimeProvider.System);
        var result = Demo.Run(options.OutputDir, options.Seed, new CompositeObserver(console, new LogObserver(log)), session.Cancellation);
        DemoTables.Write(session.Console.Results, result, options.OutputDir, watch.Elapsed);
        return ExitCodes.Done;
    }
}
