using System.CommandLine;
using Zephyr.Configuration;
using Zephyr.Runtime;

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
        session, "demo", "The whole recipe on a toy model and a handful of rows, in about a minute.", "[--output_dir DIR] [--seed N]", Run);

    // CALL SITE: Zephyr.Pipeline.Demo takes over here.
    private static int Run(DemoOptions options, CliSession session) =>
        throw new RunFailedException($"demo is not wired yet (output_dir {options.OutputDir})");
}
