using System.CommandLine;
using System.Diagnostics;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Pipeline;
using Zephyr.Training;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr demo.</summary>
internal sealed record DemoOptions : IOptionGroup
{
    [ConfigKey("folder that receives everything the demo writes")]
    public string OutputDir { get; init; } = "runs/demo";

    [ConfigKey("seed of every random choice")]
    public long Seed { get; init; } = 42;

    [ConfigKey("auto, cpu, cuda or cuda:N; so small a model gains nothing from a GPU")]
    public string Device { get; init; } = "cpu";

    public IEnumerable<ConfigProblem> Validate() => ModelOptions.CheckDevice(Device);
}

/// <summary>zephyr demo.</summary>
internal static class DemoCommand
{
    public static Command Create(CliSession session) => SchemaCommand.OfOptions<DemoOptions>(
        session, "demo", "The whole recipe on an embedded toy model and its data, in about a minute.", "[--output_dir DIR] [--seed N] [--device NAME]", Run);

    private static int Run(DemoOptions options, CliSession session)
    {
        var watch = Stopwatch.StartNew();
        using var log = Logging.Create(options.OutputDir);
        using var console = new ConsoleObserver(session.Console, TimeProvider.System);
        var result = Demo.Run(options.OutputDir, options.Seed, new CompositeObserver(console, new LogObserver(log)), session.Cancellation, options.Device);
        DemoTables.Write(session.Console.Results, result, options.OutputDir, watch.Elapsed);
        return ExitCodes.Done;
    }
}
