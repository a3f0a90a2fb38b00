using System.Text;
using static Zephyr.Data.Sources.FieldReader;

namespace Zephyr.Data.Sources;

/// <summary>A prompt for models to answer.</summary>
/// <param name="Location">File and line or row.</param>
/// <param name="Prompt">One user turn.</param>
/// <param name="Source">Which collection it is from, where the row says so; otherwise empty.</param>
public sealed record PromptRow(RowLocation Location, string Prompt, string Source);

/// <summary>
/// Prompts out of whatever rows there are: the first user turn of a conversation, the prompt of a pair, an instruction, a question of MT-Bench, a text; or the lines of a .txt file.
/// Turns behind the first one, system turns and answers are not used.
/// </summary>
public static class PromptSchema
{
    private const string TextEnding = ".txt";

    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);
    private static readonly string[] Source = ["source"];

    private static readonly RowShapes<PromptRow> Shapes = new(
        new("instruction", ["instruction"], ["source", "input"], Instruction),
        new("prompt (a text or messages)", ["prompt"], Source, row => FirstTurn(row, "prompt", MessagesOrText(row.Location, "prompt", row["prompt"], ChatMessage.User))),
        new("messages [{role, content}]", ["messages"], Source, row => FirstTurn(row, "messages", Messages(row.Location, "messages", row["messages"]))),
        new("conversations [{from, value}] (ShareGPT)", ["conversations"], Source, ShareGpt),
        new("data (raw UltraChat)", ["data"], Source, row => FirstText(row, "data")),
        new("turns (MT-Bench)", ["turns"], Source, row => FirstText(row, "turns")),
        new("chosen (messages)", ["chosen"], Source, row => FirstTurn(row, "chosen", Messages(row.Location, "chosen", row["chosen"]))),
        new("text", ["text"], Source, row => Of(row, TextOf(row.Location, "text", row["text"]))));

    /// <summary>The files that patterns name: data files, folders and globs as everywhere, and .txt files.</summary>
    /// <exception cref="Zephyr.Runtime.UserErrorException">A pattern that names nothing readable.</exception>
    public static IReadOnlyList<string> Resolve(IReadOnlyList<string> patterns)
    {
        var data = patterns.Where(pattern => !IsText(pattern)).ToList();
        string[] texts = [.. patterns.Where(IsText)];
        foreach (var text in texts)
            using (Runtime.UserFile.Open(text, "file of prompts")) { }
        return [.. data.Count > 0 ? DataFiles.Resolve(data) : [], .. texts.DistinctBy(Path.GetFullPath).Order(StringComparer.Ordinal)];
    }

    /// <summary>Streams the prompts of files.</summary>
    /// <param name="files">As <see cref="Resolve"/> gives them.</param>
    /// <exception cref="Zephyr.Runtime.UserErrorException">A file or a row that cannot be used.</exception>
    public static IEnumerable<PromptRow> Read(IReadOnlyList<string> files) => Read(RowSource.Of(files));

    /// <inheritdoc cref="Read(IReadOnlyList{string})"/>
    public static IEnumerable<PromptRow> Read(RowSource source) =>
        source.Files.SelectMany(file => IsText(file.Path) ? source.Bad.Select(Lines(file.Path), PromptOf) : Shapes.Read(source with { Files = [file] }));

    private static bool IsText(string name) => name.EndsWith(TextEnding, StringComparison.OrdinalIgnoreCase);

    /// <summary>The lines of a text file that hold more than white space; null for one that is too long.</summary>
    private static IEnumerable<(RowLocation Location, ReadOnlyMemory<byte>? Line)> Lines(string file)
    {
        var (number, any) = (0L, false);
        foreach (var read in LineFile.Read(file))
        {
            number++;
            if (read is { } line && IsBlank(line.Span)) continue;
            any = true;
            yield return (new(file, number, IsLine: true), read);
        }
        if (!any) throw new Runtime.UserErrorException($"{file}: found no prompt, expected at least one line");
    }

    private static PromptRow PromptOf((RowLocation Location, ReadOnlyMemory<byte>? Line) read) => read.Line is { } line ? new(read.Location, Decoded(read.Location, line).Trim(), "")
        : throw new BadRowException(read.Location, "", $"a line of more than {LineFile.MaxLineBytes} bytes", "a prompt a line");

    /// <summary>White space of any kind; bytes that are not UTF-8 are none.</summary>
    private static bool IsBlank(ReadOnlySpan<byte> line)
    {
        for (var rest = line; !rest.IsEmpty;)
        {
            if (Rune.DecodeFromUtf8(rest, out var rune, out var bytes) != System.Buffers.OperationStatus.Done || !Rune.IsWhiteSpace(rune)) return false;
            rest = rest[bytes..];
        }
        return true;
    }

    private static string Decoded(RowLocation location, ReadOnlyMemory<byte> line)
    {
        try
        {
            return StrictUtf8.GetString(line.Span);
        }
        catch (DecoderFallbackException error)
        {
            throw new BadRowException(location, "", $"bytes that are not UTF-8 at offset {error.Index}", "UTF-8 text");
        }
    }

    /// <summary>Alpaca's rows hold a part of the question beside it.</summary>
    private static PromptRow Instruction(DataRow row)
    {
        var instruction = TextOf(row.Location, "instruction", row["instruction"]);
        return Of(row, row["input"] is string { Length: > 0 } input && !string.IsNullOrWhiteSpace(input) ? $"{instruction}\n\n{input}" : instruction);
    }

    private static PromptRow FirstTurn(DataRow row, string field, IReadOnlyList<ChatMessage> turns) =>
        turns.FirstOrDefault(turn => turn.Role == ChatMessage.User) is { } first ? Of(row, first.Content)
        : throw new BadRowException(row.Location, field, $"the roles {Conversation.RolesOf(turns)}", "a user turn");

    private static PromptRow FirstText(DataRow row, string field) =>
        Of(row, TextOf(row.Location, $"{field}[0]", List(row.Location, field, row[field], "a list of texts, the user's first")[0]));

    private static PromptRow ShareGpt(DataRow row)
    {
        var turns = List(row.Location, "conversations", row["conversations"], "a list of {from, value} messages");
        for (var i = 0; i < turns.Count; i++)
        {
            var path = $"conversations[{i}]";
            var fields = Struct(row.Location, path, turns[i], "a message {from, value}");
            if (Member(row.Location, path, fields, "from") is "human" or ChatMessage.User) return Of(row, Member(row.Location, path, fields, "value"));
        }
        throw new BadRowException(row.Location, "conversations", "no turn from human", "a user turn");
    }

    private static PromptRow Of(DataRow row, string prompt) => new(row.Location, prompt, row["source"] as string ?? "");
}
