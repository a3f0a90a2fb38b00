using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Pipeline;
using static Zephyr.Configuration.Check;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr eval.</summary>
internal sealed record EvalOptions : IOptionGroup
{
    [ConfigKey("model folder: config.json, *.safetensors, tokenizer.model", Required = true)]
    public string Model { get; init; } = "";

    [ConfigKey("with adapter folders: the plain model under them, where not the one that their adapter_config.json names")]
    public string? Base { get; init; }

    [ConfigKey("preference pairs: accuracy, margin and DPO loss against --ref_model")]
    public IReadOnlyList<string> Pairs { get; init; } = [];

    [ConfigKey("with --pairs: the model before alignment")]
    public string? RefModel { get; init; }

    [ConfigKey("conversations: loss and perplexity")]
    public IReadOnlyList<string> Conversations { get; init; } = [];

    [ConfigKey("beta of the DPO loss")]
    public double Beta { get; init; } = 0.1;

    [ConfigKey("longest prompt and answer, or conversation, in tokens; what is longer is cut")]
    public int MaxLength { get; init; } = 1024;

    [ConfigKey("longest prompt in tokens")]
    public int MaxPromptLength { get; init; } = 512;

    [ConfigKey("which part of a too long prompt is kept: keep_end, keep_start")]
    public string TruncationMode { get; init; } = "keep_end";

    [ConfigKey("how a pair becomes token ids, as in training: zephyr, handbook-v0.3 (TRL 0.7.7), trl (1.x)")]
    public string Tokenization { get; init; } = "zephyr";

    [ConfigKey("what a row that cannot be used does: fail (ends the command) or skip (left out and counted)")]
    public string OnBadRow { get; init; } = "fail";

    [ConfigKey("insert an empty system turn where a conversation has none")]
    public bool AutoInsertEmptySystemMsg { get; init; }

    [ConfigKey("loss on the assistant turns only")]
    public bool AssistantOnlyLoss { get; init; }

    [ConfigKey("rows in a forward pass")]
    public int BatchSize { get; init; } = 8;

    [ConfigKey("one JSON document instead of a table")]
    public bool Json { get; init; }

    public LoadOptions Loading { get; init; } = LoadOptions.Exact;

    public IEnumerable<ConfigProblem> Validate()
    {
        if (Pairs.Count > 0 == Conversations.Count > 0) yield return new("pairs", "give one of --pairs and --conversations");
        if (Pairs.Count > 0 != RefModel is not null) yield return new("ref_model", "goes with --pairs, and --pairs with it");
        foreach (var problem in (IEnumerable<ConfigProblem>)
            [
                .. Pairs.Count > 0 ? AsDpo().Validate() : AtLeast("max_length", MaxLength, 2), .. OneOf("on_bad_row", OnBadRow, "fail", "skip"),
                .. AtLeast("batch_size", BatchSize, 1),
            ])
            yield return problem;
    }

    /// <summary>What a run of dpo would be told of its pairs.</summary>
    public DpoOptions AsDpo() =>
        new() { Beta = Beta, MaxLength = MaxLength, MaxPromptLength = MaxPromptLength, TruncationMode = TruncationMode, Tokenization = Tokenization };
}

/// <summary>zephyr eval.</summary>
internal static class EvalCommand
{
    private const string Usage = "--model DIR (--pairs FILE --ref_model DIR | --conversations FILE) [--json]";

    public static Command Create(CliSession session)
    {
        var command = SchemaCommand.OfOptions<EvalOptions>(
            session, "eval", "A model on held-out rows: preference accuracy and margin, or loss and perplexity; its commands say more, and have models judged.", Usage, Run);
        command.Subcommands.Add(EvalPerplexityCommand.Create(session));
        command.Subcommands.Add(EvalPreferencesCommand.Create(session));
        command.Subcommands.Add(EvalWinRateCommand.Create(session));
        command.Subcommands.Add(EvalMtBenchCommand.Create(session));
        return command;
    }

    private static int Run(EvalOptions options, CliSession session)
    {
        var settings = new HeldOutSettings(options.Model, options.Loading, options.BatchSize,
            new() { AutoInsertEmptySystemMsg = options.AutoInsertEmptySystemMsg, OnBadRow = options.OnBadRow })
        {
            Base = options.Base,
        };
        void Note(string text) => session.Console.Error.WriteLine(text);
        var results = options.RefModel is { } reference
            ? HeldOutEvaluation.OnPairs(settings, reference, options.Pairs, options.AsDpo(), Note, session.Cancellation)
            : HeldOutEvaluation.OnConversations(settings, options.Conversations,
                new() { MaxSeqLength = options.MaxLength, AssistantOnlyLoss = options.AssistantOnlyLoss }, Note, session.Cancellation);
        if (options.Json) JsonResult.Write(session.Console.Output, results);
        else ResultTable.Write(session.Console.Results, ["metric", ">value"], results.Select(entry => new[] { entry.Key, PlainText.Metric(entry.Key, entry.Value) }));
        return ExitCodes.Done;
    }
}
