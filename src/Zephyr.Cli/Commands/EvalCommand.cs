using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Data.Batches;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;
using Zephyr.Evaluation;
using Zephyr.Model.Weights;
using Zephyr.Runtime;
using static TorchSharp.torch;

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
        if (!(Beta > 0)) yield return new("beta", $"must be > 0 (was {Beta})");
        if (MaxPromptLength < 2 || MaxPromptLength >= MaxLength) yield return new("max_prompt_length", $"must be from 2 to under max_length, {MaxLength} (was {MaxPromptLength})");
        if (BatchSize < 1) yield return new("batch_size", $"must be at least 1 (was {BatchSize})");
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
        var files = DataFiles.Resolve([.. options.Pairs, .. options.Conversations]);
        var device = ComputeDevice.Resolve(options.Device);
        var tokenizer = MistralTokenizer.Load(options.Model);
        using var model = ModelFolder.Load(options.Model, ScalarType.Float32, device, trainable: false);
        if (model.Config.MaxPositionEmbeddings < options.MaxLength)
            throw new UserErrorException($"max_length: {options.MaxLength} is more than the model's max_position_embeddings ({model.Config.MaxPositionEmbeddings})");
        var results = options.RefModel is null ? OnConversations() : OnPairs();
        if (options.Json) JsonResult.Write(session.Console.Output, results);
        else ResultTable.Write(session.Console.Results, ["metric", ">value"], results.Select(entry => new[] { entry.Key, PlainText.Metric(entry.Key, entry.Value) }));
        return ExitCodes.Done;

        IReadOnlyDictionary<string, double> OnConversations()
        {
            var tokenize = new ConversationTokenizer(tokenizer, options.AutoInsertEmptySystemMsg);
            var packed = Packing.OneEach(ConversationSchema.Read(files).Select(tokenize.Tokenize), options.MaxLength, options.AssistantOnlyLoss);
            if (packed.Sequences.Count == 0) throw new UserErrorException($"{string.Join(", ", files)}: no conversation with a supervised token");
            return ModelEvaluation.OnSequences(model, packed.Sequences, options.BatchSize, session.Cancellation);
        }

        IReadOnlyDictionary<string, double> OnPairs()
        {
            using var reference = ModelFolder.Load(options.RefModel!, ScalarType.Float32, device, trainable: false);
            var tokenize = new PairTokenizer(tokenizer, options.MaxLength, options.MaxPromptLength, "keep_end", options.AutoInsertEmptySystemMsg);
            var pairs = PreferenceSchema.Read(files).Select(tokenize.Tokenize).ToList();
            if (pairs.Count == 0) throw new UserErrorException($"{string.Join(", ", files)}: no pair");
            return ModelEvaluation.OnPairs(model, reference, pairs, options.Beta, options.BatchSize, session.Cancellation);
        }
    }
}
