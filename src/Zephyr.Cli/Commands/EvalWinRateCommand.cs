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
        return JudgedCommand.Run(options, session, "prompts", evaluation.Estimate, evaluation.Run, report => JudgedTables.Write(session.Console, report),
            report => report.All is null ? report.Failures : null);
    }
}
