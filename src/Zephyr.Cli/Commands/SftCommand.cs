using System.CommandLine;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Cli.Commands;

/// <summary>zephyr sft.</summary>
internal static class SftCommand
{
    public static Command Create(CliSession session) =>
        StageCommand.Create<SftConfig>(session, "sft", "dSFT: a base model learns from dialogues.", config => config.Run, Run);

    // CALL SITE: Zephyr.Pipeline.DistilledSft takes over here.
    private static int Run(ResolvedConfig<SftConfig> config, StageSession session) =>
        throw new RunFailedException($"sft is not wired yet (output_dir {config.Value.Run.OutputDir}, resume {session.Resume})");
}
