using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Pipeline;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr inspect checkpoint.</summary>
internal sealed record InspectCheckpointOptions
{
    [ConfigKey("checkpoint folder, or an output_dir with checkpoints", Required = true)]
    public string Checkpoint { get; init; } = "";

    [ConfigKey("one JSON document instead of tables")]
    public bool Json { get; init; }
}

/// <summary>zephyr inspect checkpoint.</summary>
internal static class InspectCheckpointCommand
{
    public static Command Create(CliSession session) => SchemaCommand.OfOptions<InspectCheckpointOptions>(
        session, "checkpoint", "A checkpoint, or all of an output_dir: where the run stood, whether it is whole, what --resume would do; exit code 2 where one is not whole.",
        "DIR [--json]", Run, positional: "checkpoint");

    private static int Run(InspectCheckpointOptions options, CliSession session)
    {
        var run = RunInspection.Of(options.Checkpoint, session.Cancellation);
        if (options.Json) JsonResult.Write(session.Console.Output, run);
        else CheckpointTables.Write(session.Console.Results, run);
        return run.Checkpoints.All(checkpoint => checkpoint.Problems.Count == 0) ? ExitCodes.Done : ExitCodes.BadInput;
    }
}
