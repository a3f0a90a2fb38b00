using System.CommandLine;
using Zephyr.Configuration;
using Zephyr.Pipeline;

namespace Zephyr.Cli.Commands;

/// <summary>zephyr dpo.</summary>
internal static class DpoCommand
{
    public static Command Create(CliSession session) =>
        StageCommand.Create<DpoConfig>(session, "dpo", "dDPO: the SFT model is aligned on those pairs against a frozen copy of itself.", config => config.Run, Run,
            (config, settings, cancellation) => StageCommand.Rehearse(DistilledDpo.Plan(config, settings, cancellation), config.Value.Watchdogs.MemoryCheck));

    private static int Run(ResolvedConfig<DpoConfig> config, StageSession session) =>
        StageCommand.Finish(DistilledDpo.Run(config, session.Settings, session.Cancellation));
}
