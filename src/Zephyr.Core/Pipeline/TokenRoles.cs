using System.Text.RegularExpressions;
using Zephyr.Data.Text;

namespace Zephyr.Pipeline;

/// <summary>
/// Who says each token, read off the text that the ids decode to: it is what the model sees, however the ids were made, packed and cut.
/// </summary>
internal static partial class TokenRoles
{
    private const string Template = "template", Continued = "continued";

    /// <summary>Ids with their texts and roles.</summary>
    /// <param name="ids">The tokens.</param>
    /// <param name="isLabel">For each whether it is a label.</param>
    /// <param name="tokenizer">Whose ids they are.</param>
    public static List<InspectedToken> Of(IReadOnlyList<int> ids, IReadOnlyList<bool> isLabel, MistralTokenizer tokenizer)
    {
        var texts = TextsOf(ids, tokenizer);
        var roles = RolesOf(string.Concat(texts));
        var tokens = new List<InspectedToken>(ids.Count);
        var (at, turn) = (0, 0);
        for (var i = 0; i < ids.Count; i++)
        {
            while (turn + 1 < roles.Count && at >= roles[turn].End) turn++;
            var piece = ids[i] < tokenizer.VocabularySize ? tokenizer.Piece(ids[i]) : "";
            tokens.Add(new(ids[i], piece, texts[i], roles.Count > 0 ? roles[turn].Role : Template, isLabel[i]));
            at += texts[i].Length;
        }
        return tokens;
    }

    /// <summary>What each id adds to the text; together they are the text.</summary>
    private static List<string> TextsOf(IReadOnlyList<int> ids, MistralTokenizer tokenizer)
    {
        var decoder = new IncrementalDecoder(tokenizer, skipSpecialTokens: false);
        List<string> texts = [.. ids.Select(decoder.Append)];
        if (texts.Count > 0) texts[^1] += decoder.Flush();
        return texts;
    }

    /// <summary>The text as stretches of one role each, by their ends.</summary>
    private static List<(int End, string Role)> RolesOf(string text)
    {
        var roles = new List<(int End, string Role)>();
        for (var at = 0; at < text.Length;)
        {
            var between = Between().Match(text, at);
            if (between.Length > 0) roles.Add((at += between.Length, Template));
            if (at == text.Length) break;
            // A turn that was cut off ends where the next document begins.
            var end = End().Match(text, at);
            at = !end.Success ? text.Length : end.Value == MistralTokenizer.Bos ? end.Index : end.Index + end.Length;
            roles.Add((at, between.Groups["role"] is { Success: true, Value: var role } ? role : Continued));
        }
        return roles;
    }

    /// <summary>Marks, then the tag of the turn that follows, or what a cut has left of it; with the white space around them.</summary>
    [GeneratedRegex(@"\G(?:\s*</?s>)*(?:\s*<\|(?<role>system|user|assistant)\|>\n|\s*(?:<(?:\|(?:[a-z]+(?:\|>?)?)?)?)?(?=<s>|\z))?")]
    private static partial Regex Between();

    [GeneratedRegex("</?s>")]
    private static partial Regex End();
}
