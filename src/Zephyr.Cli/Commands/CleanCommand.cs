using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Pipeline;

namespace Zephyr.Cli.Commands;

/// <summary>zephyr clean.</summary>
internal static class CleanCommand
{
    public static Command Create(CliSession session) =>
        StageCommand.CreateOfRows<CleanConfig>(session, "clean", "Rows before training, as the paper cleaned UltraChat: casing, disclaimers, passages of evaluation sets.", config => config.Run, Run,
            (config, _, cancellation) => new(CleaningText.Of(DatasetCleaning.Plan(config, cancellation)), () => { }));

    private static int Run(ResolvedConfig<CleanConfig> config, StageSession session)
    {
        var result = DatasetCleaning.Run(config, session.Settings.Observer, session.Cancellation);
        session.Console.Live?.Clear();
        foreach (var note in result.Notes) session.Log.Warning("{Note}", note);
        foreach (var file in result.Files) session.Log.Information("wrote {File}", file);
        CleaningText.Write(session.Console, result);
        return ExitCodes.Done;
    }
}
