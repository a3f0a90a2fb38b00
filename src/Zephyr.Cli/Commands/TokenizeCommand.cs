using System.CommandLine;
using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Cli.Commands;

/// <summary>The options of zephyr tokenize.</summary>
internal sealed record TokenizeOptions : IOptionGroup
{
    [ConfigKey("folder with tokenizer.model, or the file itself", Required = true)]
    public string Tokenizer { get; init; } = "";

    [ConfigKey("the text", Verbatim = true)]
    public string? Text { get; init; }

    [ConfigKey("a UTF-8 file with the text, taken whole", Spelling = "text-file")]
    public string? TextFile { get; init; }

    [ConfigKey("a JSON Lines file of conversations, rendered by the chat template: one a line")]
    public string? Messages { get; init; }

    [ConfigKey("with --messages: end with the assistant's role tag")]
    public bool AddGenerationPrompt { get; init; }

    [ConfigKey("put <s> in front")]
    public bool AddSpecialTokens { get; init; }

    [ConfigKey("one JSON document instead of a table")]
    public bool Json { get; init; }

    public IEnumerable<ConfigProblem> Validate()
    {
        if (new[] { Text, TextFile, Messages }.Count(source => source is not null) != 1)
            yield return new("text", "give one of --text, --text-file and --messages");
        if (AddGenerationPrompt && Messages is null) yield return new("add_generation_prompt", "goes with --messages");
    }
}

/// <summary>zephyr tokenize.</summary>
internal static class TokenizeCommand
{
    private const string Usage =
        "--tokenizer DIR|FILE (--text TEXT | --text-file FILE | --messages FILE) [--add_generation_prompt] [--add_special_tokens] [--json]";

    public static Command Create(CliSession session) => SchemaCommand.OfOptions<TokenizeOptions>(
        session, "tokenize", "Text or conversations as token ids and pieces.", Usage, Run);

    // CALL SITE: the tokenizer takes over here; results go to session.Console.Output.
    private static int Run(TokenizeOptions options, CliSession session) =>
        throw new RunFailedException($"tokenize is not wired yet (tokenizer {options.Tokenizer})");
}
