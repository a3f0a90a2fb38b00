using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Evaluation.Statistics;
using Zephyr.Pipeline;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr eval mtbench.</summary>
internal sealed record EvalMtBenchOptions : JudgedOptions
{
    [ConfigKey("questions: question_id + category + turns, one or two, as MT-Bench's question.jsonl", Required = true)]
    public IReadOnlyList<string> Questions { get; init; } = [];

    [ConfigKey("the model, which answers the questions: of endpoints, local:DIR, or http://HOST/v1#MODEL")]
    public string? Model { get; init; }

    [ConfigKey("files with the model's answers instead: question_id + choices [{turns}], as MT-Bench's model_answer")]
    public IReadOnlyList<string> Answers { get; init; } = [];

    [ConfigKey("right answers, as MT-Bench's reference_answer; those in the questions when not given")]
    public IReadOnlyList<string> References { get; init; } = [];

    [ConfigKey("categories that are graded against right answers")]
    public IReadOnlyList<string> ReferenceCategories { get; init; } = ["math", "reasoning", "coding"];

    [ConfigKey("judgments that were recorded, as MT-Bench's model_judgment: a table for each model in them, without asking anybody")]
    public IReadOnlyList<string> Judgments { get; init; } = [];

    public override IEnumerable<ConfigProblem> Validate() =>
    [
        .. Judgments.Count == 0 ? [.. OneSide("model", Model, "answers", Answers), .. RequireJudge()]
            : Model is not null || Answers.Count > 0 || Judge is not null ? [new ConfigProblem("judgments", "are judged already: give no model, answers or judge beside them")] : Array.Empty<ConfigProblem>(),
        .. base.Validate(),
    ];

    public MtBenchRun Create() => new(Settings(), new(Questions, References, ReferenceCategories, new("model", Model, Answers)));
}

/// <summary>zephyr eval mtbench.</summary>
internal static class EvalMtBenchCommand
{
    public static Command Create(CliSession session) => SchemaCommand.OfOptions<EvalMtBenchOptions>(session, "mtbench",
        "A judge grades the answers of a model to questions of two turns, from 1 to 10: means by category and turn.",
        "--questions FILE ((--model NAME | --answers FILE) --judge NAME --output_dir DIR | --judgments FILE) [--references FILE] [--dry-run] [--json]", Run);

    private static int Run(EvalMtBenchOptions options, CliSession session)
    {
        if (options.Judgments.Count > 0)
        {
            var models = MtBenchRun.Replay(options.Questions, options.Judgments, new Bootstrap(options.Seed, options.BootstrapSamples));
            if (options.Json) JsonResult.Write(session.Console.Output, models.Select(model => new { model.Model, model.Table.All, model.Table.Categories }));
            else
            {
                foreach (var (model, table) in models)
                {
                    if (models.Count > 1) session.Console.Output.WriteLine(PlainText.OneLine(model.Length > 0 ? model : "(no model named)"));
                    JudgedTables.Write(session.Console, table);
                }
            }
            return ExitCodes.Done;
        }
        var evaluation = options.Create();
        return JudgedCommand.Run(options, session, "questions", evaluation.Estimate, evaluation.Run, report => JudgedTables.Write(session.Console, report),
            report => report.Table.All.Questions == 0 ? report.Failures : null);
    }
}
