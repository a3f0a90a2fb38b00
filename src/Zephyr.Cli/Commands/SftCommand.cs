using System.CommandLine;
using Zephyr.Configuration;
using Zephyr.Pipeline;

namespace Zephyr.Cli.Commands;

/// <summary>zephyr sft.</summary>
internal static class SftCommand
{
    public static Command Create(CliSession session) =>
        StageCommand.Create<SftConfig>(session, "sft", "dSFT: a base model learns from dialogues.", config => config.Run, Run,
            (config, settings, cancellation) => StageCommand.Rehearse(DistilledSft.Plan(config, settings, cancellation), config.Value.Watchdogs.MemoryCheck));

    private static int Run(ResolvedConfig<SftConfig> config, StageSession session) =>
        StageCommand.Finish(DistilledSft.Run(config, session.Settings, session.Cancellation));
}
