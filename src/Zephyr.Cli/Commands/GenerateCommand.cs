using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;
using Zephyr.Model.Generation;
using Zephyr.Pipeline;
using Zephyr.Runtime;
using static Zephyr.Configuration.Check;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr generate.</summary>
internal sealed record GenerateOptions : IOptionGroup
{
    [ConfigKey("model folder: config.json, *.safetensors, tokenizer.model", Required = true)]
    public string Model { get; init; } = "";

    [ConfigKey("with an adapter folder: the plain model under it, where not the one that its adapter_config.json names")]
    public string? Base { get; init; }

    [ConfigKey("what the user says; with --raw the text to continue", Verbatim = true)]
    public string? Prompt { get; init; }

    [ConfigKey("conversations instead: a JSON Lines file, one list of {role, content} or object with messages a line")]
    public string? Messages { get; init; }

    [ConfigKey("continue the prompt as it stands, without the chat template")]
    public bool Raw { get; init; }

    [ConfigKey("insert an empty system turn where a conversation has none: what a model was trained with")]
    public bool AutoInsertEmptySystemMsg { get; init; }

    [ConfigKey("0 is greedy; above it, sampling from the distribution at this temperature")]
    public double Temperature { get; init; } = 0.7;

    [ConfigKey("sample from the most likely tokens that hold this share of the probability; 1 for all")]
    public double TopP { get; init; } = 0.95;

    [ConfigKey("sample from this many most likely tokens; 0 for all")]
    public int TopK { get; init; } = 50;

    [ConfigKey("stop after this many tokens")]
    public int MaxNewTokens { get; init; } = 256;

    [ConfigKey("seed of the sampling")]
    public long Seed { get; init; } = 42;

    public LoadOptions Loading { get; init; } = new();

    public IEnumerable<ConfigProblem> Validate()
    {
        if ((Prompt is null) == (Messages is null)) yield return new("prompt", "give one of --prompt and --messages");
        if (Raw && Messages is not null) yield return new("raw", "goes with --prompt: messages need the chat template");
        if (Raw && AutoInsertEmptySystemMsg) yield return new("auto_insert_empty_system_msg", "does not go with --raw, which takes the prompt as it stands");
        foreach (var problem in AtLeast("temperature", Temperature, 0)) yield return problem;
        if (!(TopP > 0 && TopP <= 1)) yield return new("top_p", $"must be above 0 and at most 1 (was {TopP})");
        foreach (var problem in AtLeast("top_k", TopK, 0)) yield return problem;
        foreach (var problem in AtLeast("max_new_tokens", MaxNewTokens, 1)) yield return problem;
    }
}

/// <summary>zephyr generate.</summary>
internal static class GenerateCommand
{
    private const string Usage =
        "--model DIR [--base DIR] (--prompt TEXT | --messages FILE) [--raw | --auto_insert_empty_system_msg] [--temperature T] [--top_p P] "
        + "[--top_k K] [--max_new_tokens N] [--seed N] [--device NAME] [--dtype float32|bfloat16] [--load_in_4bit]";

    public static Command Create(CliSession session) => SchemaCommand.OfOptions<GenerateOptions>(
        session, "generate", "A model answers.", Usage, Run);

    private static int Run(GenerateOptions options, CliSession session)
    {
        var prompts = PromptsOf(options).ToList();
        using var model = TextModel.Load(options.Model, options.Loading, options.Base);
        if (model.Note is { } note) session.Console.Error.WriteLine(PlainText.OneLine($"note: {note}"));
        var (generator, tokenizer) = (new TextGenerator(model.Model), model.Tokenizer);
        var sampling = new SamplingOptions(options.Temperature, options.TopP, options.TopK, options.MaxNewTokens, options.Seed);
        foreach (var (where, prompt) in prompts)
        {
            try
            {
                Stream(generator, tokenizer, tokenizer.Encode(prompt, addBos: true), sampling, options.Raw, session);
            }
            catch (UserErrorException error) when (where is not null)
            {
                throw new UserErrorException($"{where}: {error.Message}", error);
            }
        }
        return ExitCodes.Done;
    }

    /// <summary>The texts to continue, each with the line that it comes from, where it comes from a file.</summary>
    private static IEnumerable<(RowLocation? Where, string Prompt)> PromptsOf(GenerateOptions options)
    {
        if (options.Raw) return [(null, options.Prompt!)];
        if (options.Messages is null) return [(null, Render([new(ChatMessage.User, options.Prompt!)]))];
        return MessagesFile.Read(options.Messages).Select(conversation => ((RowLocation?)conversation.Location, Render(conversation.Messages)));

        string Render(IReadOnlyList<ChatMessage> messages) => ZephyrTemplate.Render(
            options.AutoInsertEmptySystemMsg ? ZephyrTemplate.WithSystemTurn(messages) : messages, addGenerationPrompt: true);
    }

    /// <summary>Writes the text as it grows; with --raw the prompt first, decoded, so that the two join as one text.</summary>
    private static void Stream(
        TextGenerator generator, MistralTokenizer tokenizer, int[] promptIds, SamplingOptions sampling, bool withPrompt, CliSession session)
    {
        var decoder = new IncrementalDecoder(tokenizer);
        var output = session.Console.Output;
        if (withPrompt)
            foreach (var id in promptIds) output.Write(decoder.Append(id));
        foreach (var id in generator.Generate(promptIds, sampling))
        {
            session.Cancellation.ThrowIfCancellationRequested();
            output.Write(decoder.Append(id));
            output.Flush();
        }
        output.WriteLine(decoder.Flush());
    }
}
