using System.CommandLine;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Cli.Commands;

/// <summary>zephyr aif.</summary>
internal static class AifCommand
{
    public static Command Create(CliSession session) =>
        StageCommand.Create<AifConfig>(session, "aif", "AIF: scored answers become preference pairs, the best one chosen, a lower-scored one rejected.", config => config.Run, Run);

    // CALL SITE: Zephyr.Pipeline.AiFeedback takes over here.
    private static int Run(ResolvedConfig<AifConfig> config, StageSession session) =>
        throw new RunFailedException($"aif is not wired yet (output_dir {config.Value.Run.OutputDir}, resume {session.Resume})");
}
