using System.Text;
using System.Text.Json;
using System.Text.RegularExpressions;

namespace Zephyr.Feedback.Judging;

/// <summary>A JSON object or list in a judge's answer.</summary>
/// <param name="Root">It, with names that stand once in each object.</param>
/// <param name="IsFragment">Whether it is a piece of a larger one that is broken: then its place in that one says nothing.</param>
internal sealed record JsonPart(JsonElement Root, bool IsFragment);

/// <summary>
/// A judge's answer taken apart: the JSON that it holds, in fences, within prose or alone, and the prose without it. What a
/// model thought aloud before it answered (<c>&lt;think&gt;</c>) is no part of the answer.
/// </summary>
internal sealed partial record JudgeReply(IReadOnlyList<JsonPart> Json, string Prose)
{
    // Bounds on what a broken or hostile answer costs; judgments are some thousand characters with a handful of objects.
    private const int MostCharacters = 1 << 18, MostStarts = 2_000;

    /// <summary>Takes an answer apart.</summary>
    /// <returns>Its parts, or the reason why it was not read.</returns>
    public static Parsed<JudgeReply> Read(string text)
    {
        if (string.IsNullOrWhiteSpace(text)) return Parsed<JudgeReply>.Bad("found an empty answer");
        if (text.Length > MostCharacters) return Parsed<JudgeReply>.Bad($"found an answer of more than {MostCharacters} characters");
        text = RestOfThoughts().Replace(Thoughts().Replace(text, "\n"), "\n");
        var (parts, prose, starts) = (new List<JsonPart>(), new StringBuilder(), 0);
        // Braces and brackets that are open in the prose: what parses within them is a piece of something broken.
        var (braces, brackets) = (0, 0);
        for (var i = 0; i < text.Length; i++)
        {
            if (IsStart(text, i))
            {
                if (++starts > MostStarts) return Parsed<JudgeReply>.Bad($"found an answer with more than {MostStarts} braces");
                if (Parse(text[i..]) is var (root, length))
                {
                    parts.Add(new(root, braces > 0 || brackets > 0));
                    prose.Append('\n');
                    i += length - 1;
                    continue;
                }
            }
            braces = Math.Max(0, braces + (text[i] switch { '{' => 1, '}' => -1, _ => 0 }));
            brackets = Math.Max(0, brackets + (text[i] switch { '[' => 1, ']' => -1, _ => 0 }));
            prose.Append(text[i]);
        }
        return Parsed<JudgeReply>.Of(new(parts, prose.ToString()));
    }

    /// <summary>Lists are looked at where they hold objects: <c>[[7]]</c> and <c>[5]</c> are the prose's.</summary>
    private static bool IsStart(string text, int i) => text[i] == '{' || text[i] == '[' && ListOfObjects().IsMatch(text, i);

    private static (JsonElement Root, int Length)? Parse(string text)
    {
        // Characters may not come out even as bytes where half a surrogate pair stands among them: it becomes U+FFFD, one for one.
        var bytes = Encoding.UTF8.GetBytes(text);
        var reader = new Utf8JsonReader(bytes, new JsonReaderOptions { AllowTrailingCommas = true, CommentHandling = JsonCommentHandling.Skip });
        try
        {
            using var document = JsonDocument.ParseValue(ref reader);
            return NamesStandOnce(document.RootElement)
                ? (document.RootElement.Clone(), Encoding.UTF8.GetCharCount(bytes, 0, (int)reader.BytesConsumed))
                : null;
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    /// <summary>Of two values under one name neither is the judge's.</summary>
    private static bool NamesStandOnce(JsonElement element) => element.ValueKind switch
    {
        JsonValueKind.Object => element.EnumerateObject().Select(property => property.Name).ToList() is var names
            && names.Distinct(StringComparer.OrdinalIgnoreCase).Count() == names.Count
            && element.EnumerateObject().All(property => NamesStandOnce(property.Value)),
        JsonValueKind.Array => element.EnumerateArray().All(NamesStandOnce),
        _ => true,
    };

    // Unclosed, all the rest is thought: the answer was never given.
    [GeneratedRegex(@"<think(?:ing)?>.*?(?:</think(?:ing)?>|\z)", RegexOptions.Singleline | RegexOptions.IgnoreCase)]
    private static partial Regex Thoughts();

    // A template that opens the thoughts itself leaves their end only.
    [GeneratedRegex(@"\A.*</think(?:ing)?>", RegexOptions.Singleline | RegexOptions.IgnoreCase)]
    private static partial Regex RestOfThoughts();

    [GeneratedRegex(@"\G\[\s*\{")]
    private static partial Regex ListOfObjects();
}
