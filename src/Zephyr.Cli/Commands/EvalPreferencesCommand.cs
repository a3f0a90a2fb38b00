using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Evaluation;
using Zephyr.Evaluation.Statistics;
using Zephyr.Pipeline;
using static Zephyr.Configuration.Check;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr eval preferences.</summary>
internal sealed record EvalPreferencesOptions : HeldOutOptions
{
    [ConfigKey("preference pairs, of any kind that dpo reads", Required = true)]
    public IReadOnlyList<string> Pairs { get; init; } = [];

    [ConfigKey("the model before alignment; without one, answers are compared by their log-probabilities alone")]
    public string? RefModel { get; init; }

    [ConfigKey("beta of P(chosen preferred) = sigmoid(beta * h)")]
    public double Beta { get; init; } = 0.1;

    [ConfigKey("bins of the reliability table, of equal width over confidences of 0.5 to 1")]
    public int Bins { get; init; } = Calibration.DefaultBins;

    [ConfigKey("longest prompt and answer together in tokens; what is longer is cut")]
    public int MaxLength { get; init; } = 1024;

    [ConfigKey("longest prompt in tokens")]
    public int MaxPromptLength { get; init; } = 512;

    [ConfigKey("which part of a too long prompt is kept: keep_end, keep_start")]
    public string TruncationMode { get; init; } = "keep_end";

    [ConfigKey("how a pair becomes token ids, as in training: zephyr, handbook-v0.3 (TRL 0.7.7), trl (1.x)")]
    public string Tokenization { get; init; } = "zephyr";

    public override IEnumerable<ConfigProblem> Validate() => [.. AsDpo().Validate(), .. InRange("bins", Bins, 1, 1000), .. base.Validate()];

    /// <summary>What a run of dpo would be told of its pairs.</summary>
    public DpoOptions AsDpo() =>
        new() { Beta = Beta, MaxLength = MaxLength, MaxPromptLength = MaxPromptLength, TruncationMode = TruncationMode, Tokenization = Tokenization };
}

/// <summary>zephyr eval preferences.</summary>
internal static class EvalPreferencesCommand
{
    public static Command Create(CliSession session) => SchemaCommand.OfOptions<EvalPreferencesOptions>(session, "preferences",
        "Accuracy, margins and calibration on preference pairs, with intervals.", "--model DIR --pairs FILE [--ref_model DIR] [--by COLUMN] [--rows FILE] [--report FILE] [--json]", Run);

    private static int Run(EvalPreferencesOptions options, CliSession session)
    {
        options.RequireFolders();
        var rows = new List<object>();
        var report = HeldOutEvaluation.Preferences(options.Settings(), options.RefModel, options.Pairs, options.AsDpo(), options.By, options.Bins,
            new(options.Seed, options.BootstrapSamples), options.Rows is null ? null : (score, source) => rows.Add(RowOf(score, source, options)),
            text => session.Console.Error.WriteLine(text), session.Cancellation);
        if (options.Rows is { } file) JsonResult.WriteLines(file, rows);
        if (options.Report is { } beside) JsonResult.WriteFile(beside, report);
        if (options.Json) JsonResult.Write(session.Console.Output, report);
        else EvaluationTables.Write(session.Console.Results, report);
        return ExitCodes.Done;
    }

    private static object RowOf(PairScore score, string? source, EvalPreferencesOptions options) => new
    {
        score.Location.File,
        Row = score.Location.Number,
        Source = source,
        LogpsChosen = score.Chosen,
        LogpsRejected = score.Rejected,
        RefLogpsChosen = options.RefModel is null ? (double?)null : score.ReferenceChosen,
        RefLogpsRejected = options.RefModel is null ? (double?)null : score.ReferenceRejected,
        Margin = options.Beta * score.Difference,
        Probability = Logistic.Of(options.Beta * score.Difference),
        score.ChosenTokens,
        score.RejectedTokens,
        Cut = score.IsCut,
    };
}
