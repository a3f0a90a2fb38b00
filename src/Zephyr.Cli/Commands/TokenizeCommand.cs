using System.CommandLine;
using Zephyr.Cli.Rendering;
using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;
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

    [ConfigKey("with --messages: insert an empty system turn where a conversation has none")]
    public bool AutoInsertEmptySystemMsg { get; init; }

    [ConfigKey("put <s> in front")]
    public bool AddSpecialTokens { get; init; }

    [ConfigKey("one JSON document instead of a table")]
    public bool Json { get; init; }

    public IEnumerable<ConfigProblem> Validate()
    {
        if (new[] { Text, TextFile, Messages }.Count(source => source is not null) != 1)
            yield return new("text", "give one of --text, --text-file and --messages");
        if (AddGenerationPrompt && Messages is null) yield return new("add_generation_prompt", "goes with --messages");
        if (AutoInsertEmptySystemMsg && Messages is null) yield return new("auto_insert_empty_system_msg", "goes with --messages");
    }
}

/// <summary>zephyr tokenize.</summary>
internal static class TokenizeCommand
{
    private const string Usage =
        "--tokenizer DIR|FILE (--text TEXT | --text-file FILE | --messages FILE) [--add_generation_prompt] "
        + "[--auto_insert_empty_system_msg] [--add_special_tokens] [--json]";

    public static Command Create(CliSession session) => SchemaCommand.OfOptions<TokenizeOptions>(
        session, "tokenize", "Text or conversations as token ids and pieces.", Usage, Run);

    /// <summary>As much as a row of a data file may have.</summary>
    private const int LargestText = 64 << 20;

    private static int Run(TokenizeOptions options, CliSession session)
    {
        var tokenizer = MistralTokenizer.Load(options.Tokenizer);
        if (options.Messages is not null)
        {
            var texts = MessagesFile.Read(options.Messages).Until(session.Cancellation)
                .Select(conversation => ZephyrTemplate.Render(Turns(conversation.Messages), options.AddGenerationPrompt));
            Write(texts.Select(text => Encode(tokenizer, text, options.AddSpecialTokens)).ToList(), options.Json, session.Console);
            return ExitCodes.Done;
        }
        var encoded = Encode(tokenizer, options.Text ?? UserFile.ReadText(options.TextFile!, "text file", LargestText), options.AddSpecialTokens);
        if (options.Json) JsonResult.Write(session.Console.Output, encoded);
        else Write([encoded], json: false, session.Console);
        return ExitCodes.Done;

        IReadOnlyList<ChatMessage> Turns(IReadOnlyList<ChatMessage> messages) =>
            options.AutoInsertEmptySystemMsg ? ZephyrTemplate.WithSystemTurn(messages) : messages;
    }

    private static Encoded Encode(MistralTokenizer tokenizer, string text, bool addBos)
    {
        var ids = tokenizer.Encode(text, addBos);
        return new(ids, [.. ids.Select(tokenizer.Piece)]);
    }

    private static void Write(List<Encoded> all, bool json, CliConsole console)
    {
        if (json) JsonResult.Write(console.Output, all);
        else ResultTable.Write(console.Results, [">id", "piece"],
            all.SelectMany(encoded => encoded.Ids.Zip(encoded.Pieces, (id, piece) => new[] { $"{id}", piece })));
    }

    private sealed record Encoded(int[] Ids, string[] Pieces);
}
