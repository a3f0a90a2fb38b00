using System.CommandLine;

namespace Zephyr.Cli.Commands;

/// <summary>zephyr inspect: what there is before, between and after the stages.</summary>
internal static class InspectCommand
{
    public static Command Create(CliSession session) =>
        new("inspect", "Looks at rows as the trainer sees them, at a model folder, at checkpoints.")
        {
            InspectDataCommand.Create(session),
            InspectModelCommand.Create(session),
            InspectCheckpointCommand.Create(session),
        };
}
