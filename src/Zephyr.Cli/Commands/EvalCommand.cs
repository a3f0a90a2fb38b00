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

    [ConfigKey("insert an empty system turn where a conversation has none")]
    public bool AutoInsertEmptySystemMsg { get; init; }

    [ConfigKey("loss on the assistant turns only")]
    public bool AssistantOnlyLoss { get; init; }

    [ConfigKey("rows in a forward pass")]
    public int BatchSize { get; init; } = 8;

    [ConfigKey("auto, cpu, cuda or cuda:N")]
    public string Device { get; init; } = "auto";

    [ConfigKey("one JSON document instead of a table")]
    public bool Json { get; init; }

    public IEnumerable<ConfigProblem> Validate()
    {
        if (Pairs.Count > 0 == Conversations.Count > 0) yield return new("pairs", "give one of --pairs and --conversations");
        if (Pairs.Count > 0 != RefModel is not null) yield return new("ref_model", "goes with --pairs, and --pairs with it");
        if (Pairs.Count > 0 && (MaxPromptLength < 2 || MaxPromptLength >= MaxLength))
            yield return new("max_prompt_length", $"must be from 2 to under max_length, {MaxLength} (was {MaxPromptLength})");
        foreach (var problem in (IEnumerable<ConfigProblem>)
            [.. Positive("beta", Beta), .. AtLeast("max_length", MaxLength, 2), .. AtLeast("batch_size", BatchSize, 1), .. ModelOptions.CheckDevice(Device)])
            yield return problem;
    }
}

/// <summary>zephyr eval.</summary>
internal static class EvalCommand
{
    private const string Usage = "--model DIR (--pairs FILE --ref_model DIR | --conversations FILE) [--json]";

    public static Command Create(CliSession session) => SchemaCommand.OfOptions<EvalOptions>(
        session, "eval", "A model on held-out rows: preference accuracy and margin, or loss and perplexity.", Usage, Run);

    private static int Run(EvalOptions options, CliSession session)
    {
        var settings = new HeldOutSettings(options.Model, options.Device, options.BatchSize, options.AutoInsertEmptySystemMsg);
        void Note(string text) => session.Console.Error.WriteLine(text);
        var results = options.RefModel is { } reference
            ? HeldOutEvaluation.OnPairs(settings, reference, options.Pairs,
                new() { Beta = options.Beta, MaxLength = options.MaxLength, MaxPromptLength = options.MaxPromptLength }, Note, session.Cancellation)
            : HeldOutEvaluation.OnConversations(settings, options.Conversations,
                new() { MaxSeqLength = options.MaxLength, AssistantOnlyLoss = options.AssistantOnlyLoss }, Note, session.Cancellation);
        if (options.Json) JsonResult.Write(session.Console.Output, results);
        else ResultTable.Write(session.Console.Results, ["metric", ">value"], results.Select(entry => new[] { entry.Key, PlainText.Metric(entry.Key, entry.Value) }));
        return ExitCodes.Done;
    }
}
