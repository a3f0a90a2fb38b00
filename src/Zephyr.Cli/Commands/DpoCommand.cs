using System.CommandLine;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Cli.Commands;

/// <summary>zephyr dpo.</summary>
internal static class DpoCommand
{
    public static Command Create(CliSession session) =>
        StageCommand.Create<DpoConfig>(session, "dpo", "dDPO: the SFT model is aligned on those pairs against a frozen copy of itself.", config => config.Run, Run);

    // CALL SITE: Zephyr.Pipeline.DistilledDpo takes over here.
    private static int Run(ResolvedConfig<DpoConfig> config, StageSession session) =>
        throw new RunFailedException($"dpo is not wired yet (output_dir {config.Value.Run.OutputDir}, resume {session.Resume})");
}
