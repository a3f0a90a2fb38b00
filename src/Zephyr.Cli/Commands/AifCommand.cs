using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Pipeline;
using Zephyr.Runtime;

namespace Zephyr.Cli.Commands;

/// <summary>zephyr aif.</summary>
internal static class AifCommand
{
    public static Command Create(CliSession session) =>
        StageCommand.Create<AifConfig>(session, "aif", "AIF: scored answers become preference pairs, the best one chosen, a lower-scored one rejected.", config => config.Run, Run,
            (config, _, cancellation) => new(PlanText.Of(AiFeedback.Plan(config, cancellation)), () => { }));

    private static int Run(ResolvedConfig<AifConfig> config, StageSession session)
    {
        if (session.Settings.Resume is not ("auto" or "never"))
            throw new UserErrorException($"--resume {session.Settings.Resume}: aif makes its pairs in one go and has no checkpoints, expected auto or never");
        var result = AiFeedback.Run(config, session.Cancellation);
        foreach (var file in result.Files) session.Log.Information("wrote {File}", file);
        AuditTable.Write(session.Console.Results, result);
        return ExitCodes.Done;
    }
}
