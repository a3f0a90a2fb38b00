using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Pipeline;

namespace Zephyr.Cli.Commands;

/// <summary>zephyr aif.</summary>
internal static class AifCommand
{
    public static Command Create(CliSession session) =>
        StageCommand.CreateOfRows<AifConfig>(session, "aif", "AIF: models answer prompts, a judge scores the answers, and of each prompt the best one is chosen and a lower-scored one rejected; it begins at prompts, answers or scores.", config => config.Run, Run,
            (config, _, cancellation) => new(PlanText.Of(AiFeedback.Plan(config, cancellation)), () => { }));

    private static int Run(ResolvedConfig<AifConfig> config, StageSession session)
    {
        using var calls = new CallConsole(session.Console, session.Log, session.Quiet, TimeProvider.System);
        using var stopping = session.Cancellation.Register(calls.OnStop);
        var result = AiFeedback.Run(config, calls, session.Cancellation);
        calls.Dispose();
        foreach (var file in result.Files) session.Log.Information("wrote {File}", file);
        AuditTable.Write(session.Console, result);
        if (result.Missing is { } missing && !session.Quiet) session.Console.Error.WriteLine(PlainText.OneLine(missing));
        return ExitCodes.Done;
    }
}
