using System.Text.RegularExpressions;
using Zephyr.Data;
using Zephyr.Data.Text;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>
/// Whether tokenizer and chat template fit: the first rows are rendered, tokenized and decoded again, and what comes back is compared. A text that the tokenizer has no
/// pieces for is told with its row; a template that does not come back, or an answer without a supervised end, is refused.
/// </summary>
/// <param name="tokenizer">The tokenizer.</param>
/// <param name="insertSystem">Whether a conversation without a system turn gets an empty one.</param>
internal sealed partial class TemplateRoundTrip(MistralTokenizer tokenizer, bool insertSystem)
{
    /// <summary>How many rows are looked at.</summary>
    public const int Rows = 16;

    private const int Shown = 20;

    private static readonly Conversation Frame = new(new("the chat template", 1, true),
        [new(ChatMessage.System, ""), new(ChatMessage.User, "Hi"), new(ChatMessage.Assistant, "Yes"), new(ChatMessage.User, "No"), new(ChatMessage.Assistant, "Oh")]);

    /// <summary>Looks at rows.</summary>
    /// <param name="rows">The first ones.</param>
    /// <returns>What was found, as a sentence.</returns>
    /// <exception cref="UserErrorException">The template itself does not come back, or an answer's end is not supervised.</exception>
    public string Check(IReadOnlyList<Conversation> rows)
    {
        RequireEnds(Frame);
        if (DifferenceOf(Frame) is { } broken)
            throw new UserErrorException($"the tokenizer does not give the chat template back: {broken}; expected the tokenizer of a model of the Mistral family");
        // A row that no template can write is somebody else's to tell of.
        rows = [.. rows.Where(row => row.Text is not null || row.Messages.Any(turn => ZephyrTemplate.Knows(turn.Role)))];
        foreach (var row in rows) RequireEnds(row);
        List<string> different = [.. rows.Select(row => DifferenceOf(row) is { } difference ? $"{row.Location}, {difference}" : null).OfType<string>()];
        return $"preflight: {(different.Count == 0 ? "all" : $"{rows.Count - different.Count}")} of the first {rows.Count} rows come back from their tokens letter by letter, "
            + $"every answer's </s> is supervised{(different.Count == 0 ? "" : $"; {different.Count} do not: {different[0]}")}";
    }

    /// <summary>A pair as two conversations.</summary>
    public static IEnumerable<Conversation> Of(PreferencePair pair) =>
        [new(pair.Location, [.. pair.Prompt, .. pair.Chosen]), new(pair.Location, [.. pair.Prompt, .. pair.Rejected])];

    private string? DifferenceOf(Conversation row)
    {
        // Encoding puts a space before the text behind every mark, which stays there; only the one at the beginning is taken away again.
        var rendered = row.Text ?? ZephyrTemplate.Render(Turns(row), addGenerationPrompt: false);
        var (text, back) = (Mark().Replace(rendered, "$0 "), tokenizer.Decode(tokenizer.Encode(rendered), skipSpecialTokens: false));
        if (back == text) return null;
        var at = 0;
        while (at < text.Length && at < back.Length && text[at] == back[at]) at++;
        return $"character {at + 1}: found {Excerpt(back, at)}, expected {Excerpt(text, at)}";
    }

    /// <summary>Every assistant turn ends in a supervised end mark, or the model would learn never to stop.</summary>
    private void RequireEnds(Conversation row)
    {
        if (row.Text is not null) return;
        var turns = Turns(row).Where(turn => turn.Role == ChatMessage.Assistant).ToList();
        var ids = new ConversationTokenizer(tokenizer, insertSystem).Tokenize(row);
        // Supervised end marks that nothing supervised follows; a text may hold such marks itself.
        var ends = ids.Ids.Where((id, i) => id == tokenizer.EosId && ids.AssistantMask[i] && (i + 1 == ids.Ids.Length || !ids.AssistantMask[i + 1])).Count();
        if (ends != turns.Count)
            throw new UserErrorException($"{row.Location}: {ends} of {turns.Count} answers end in a supervised </s>: the tokenizer does not give </s> as one token");
    }

    private IEnumerable<ChatMessage> Turns(Conversation row) => insertSystem ? ZephyrTemplate.WithSystemTurn(row.Messages) : row.Messages;

    [GeneratedRegex($"({MistralTokenizer.Bos}|{MistralTokenizer.Eos}|{MistralTokenizer.Unk})(?!\\z|{MistralTokenizer.Bos}|{MistralTokenizer.Eos}|{MistralTokenizer.Unk})", RegexOptions.CultureInvariant)]
    private static partial Regex Mark();

    private static string Excerpt(string text, int at)
    {
        var part = text[at..Math.Min(text.Length, at + Shown)].ReplaceLineEndings("\\n");
        return part.Length == 0 ? "the end" : $"\"{part}\"";
    }
}
