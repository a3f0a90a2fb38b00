using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Pipeline;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr eval winrate.</summary>
internal sealed record EvalWinRateOptions : JudgedOptions
{
    [ConfigKey("the model, which answers the prompts: of endpoints, local:DIR, or http://HOST/v1#MODEL")]
    public string? Model { get; init; }

    [ConfigKey("files with the model's answers instead: instruction + output, as AlpacaEval's, as JSON Lines or Parquet")]
    public IReadOnlyList<string> Answers { get; init; } = [];

    [ConfigKey("the model that it is compared with")]
    public string? Baseline { get; init; }

    [ConfigKey("files with that one's answers instead")]
    public IReadOnlyList<string> BaselineAnswers { get; init; } = [];

    [ConfigKey("prompts, of any kind that aif reads; those of the answers when not given")]
    public IReadOnlyList<string> Prompts { get; init; } = [];

    public override IEnumerable<ConfigProblem> Validate() =>
        [.. OneSide("model", Model, "answers", Answers), .. OneSide("baseline", Baseline, "baseline_answers", BaselineAnswers), .. RequireJudge(), .. base.Validate()];

    public JudgedWinRate Create() => new(Settings(), new("model", Model, Answers), new("baseline", Baseline, BaselineAnswers), Prompts);
}

/// <summary>zephyr eval winrate.</summary>
internal static class EvalWinRateCommand
{
    public static Command Create(CliSession session) => SchemaCommand.OfOptions<EvalWinRateOptions>(session, "winrate",
        "A judge compares the answers of two models, in both orders: win rate, raw and at equal lengths.",
        "(--model NAME | --answers FILE) (--baseline NAME | --baseline_answers FILE) --judge NAME --output_dir DIR [--prompts FILE] [--dry-run] [--json]", Run);

    private static int Run(EvalWinRateOptions options, CliSession session)
    {
        var evaluation = options.Create();
        if (options.DryRun) return JudgedTables.Write(session.Console, evaluation.Estimate(), "prompts", options.Json);
        using var log = Logging.Create(options.OutputDir!);
        using var calls = new CallConsole(session.Console, log, options.Quiet, TimeProvider.System);
        var report = evaluation.Run(calls, JsonResult.TextOf, session.Cancellation).GetAwaiter().GetResult();
        calls.Dispose();
        if (options.Json) JsonResult.Write(session.Console.Output, report);
        else JudgedTables.Write(session.Console, report);
        return ExitCodes.Done;
    }
}
