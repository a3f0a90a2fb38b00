using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Evaluation;
using Zephyr.Pipeline;
using static Zephyr.Configuration.Check;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr eval perplexity.</summary>
internal sealed record EvalPerplexityOptions : HeldOutOptions
{
    [ConfigKey("conversations, of any kind that sft reads", Required = true)]
    public IReadOnlyList<string> Conversations { get; init; } = [];

    [ConfigKey("longest conversation in tokens, or length of a packed row; what is longer is cut")]
    public int MaxLength { get; init; } = 2048;

    [ConfigKey("pack conversations into rows of max_length, as sft does")]
    public bool Packing { get; init; }

    [ConfigKey("with packing: wrapped, bfd, bfd_split")]
    public string PackingStrategy { get; init; } = "wrapped";

    [ConfigKey("count the assistant's tokens only")]
    public bool AssistantOnlyLoss { get; init; }

    public override IEnumerable<ConfigProblem> Validate() =>
    [
        .. AtLeast("max_length", MaxLength, 2), .. OneOf("packing_strategy", PackingStrategy, "wrapped", "bfd", "bfd_split"),
        .. Packing && (By ?? Rows) is not null ? [new ConfigProblem("packing", "cannot be combined with by or rows: a packed row is made of several")] : Array.Empty<ConfigProblem>(),
        .. base.Validate(),
    ];
}

/// <summary>zephyr eval perplexity.</summary>
internal static class EvalPerplexityCommand
{
    public static Command Create(CliSession session) => SchemaCommand.OfOptions<EvalPerplexityOptions>(session, "perplexity",
        "Loss, perplexity and bits a byte on conversations, with intervals.", "--model DIR --conversations FILE [--by COLUMN] [--rows FILE] [--report FILE] [--json]", Run);

    private static int Run(EvalPerplexityOptions options, CliSession session)
    {
        options.RequireFolders();
        var rows = new List<object>();
        var report = HeldOutEvaluation.Perplexity(options.Settings(), options.Conversations,
            new() { MaxSeqLength = options.MaxLength, AssistantOnlyLoss = options.AssistantOnlyLoss, Packing = options.Packing, PackingStrategy = options.PackingStrategy },
            options.By, new(options.Seed, options.BootstrapSamples), options.Rows is null ? null : (score, source) => rows.Add(RowOf(score, source)),
            text => session.Console.Error.WriteLine(text), session.Cancellation);
        if (options.Rows is { } file) JsonResult.WriteLines(file, rows);
        if (options.Report is { } beside) JsonResult.WriteFile(beside, report);
        if (options.Json) JsonResult.Write(session.Console.Output, report);
        else EvaluationTables.Write(session.Console.Results, report);
        return ExitCodes.Done;
    }

    private static object RowOf(SequenceScore score, string? source) => new
    {
        score.Location?.File,
        Row = score.Location?.Number,
        Source = source,
        score.Tokens,
        score.Bytes,
        Loss = score.NegativeLogLikelihood / score.Tokens,
        Perplexity = Math.Exp(score.NegativeLogLikelihood / score.Tokens),
    };
}
