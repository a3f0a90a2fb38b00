using System.Buffers.Binary;
using System.Security.Cryptography;
using System.Text;
using System.Text.RegularExpressions;

namespace Zephyr.Feedback.Judging;

/// <summary>
/// Lines between which the judge reads what it judges. They carry a code that is a hash of the run's seed and of everything
/// that stands between them: the same question has the same code, and a text that holds its own code would have to be a
/// fixed point of the hash, so that no answer can end its fence and speak in the rubric's voice. Nor can it end its turn:
/// where a chat template is rendered as text and then read as tokens (this program's own models, and some servers), <c>&lt;/s&gt;</c> in an answer would be the turn's end,
/// so that marks of the usual templates are taken apart by a space.
/// </summary>
internal sealed partial class Fence
{
    private const int CodeLength = 12;
    private const string Letters = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789";

    private Fence(string code) => Code = code;

    /// <summary>Twelve letters and digits, 60 bits of the hash; none of the texts holds them.</summary>
    public string Code { get; }

    /// <summary>The fence of one question.</summary>
    /// <param name="seed">The run's seed.</param>
    /// <param name="texts">Everything that will stand between fences.</param>
    public static Fence Of(long seed, params IReadOnlyList<string> texts)
    {
        for (var draw = 0; ; draw++)
        {
            var code = CodeOf(seed, draw, texts);
            if (!texts.Any(text => text.Contains(code, StringComparison.OrdinalIgnoreCase))) return new(code);
        }
    }

    /// <summary>A text between its two lines.</summary>
    public string Around(string label, string text) => $"<<<{label} {Code}>>>\n{Marks().Replace(text, "$0 ")}\n<<<END {label} {Code}>>>";

    /// <summary>
    /// What a judge says itself. A judge that repeats its question says what the answers say, which may look like ratings:
    /// all between two fence lines goes, and to the end where the second one is missing.
    /// </summary>
    public string Outside(string reply) => Regex.Replace(reply,
        $@"<<<(?!END)[^<>\n]*{Code}>>>.*?(?:<<<END[^<>\n]*{Code}>>>|\z)|<<<END[^<>\n]*{Code}>>>", "\n", RegexOptions.Singleline);

    [GeneratedRegex(@"<(?=/?s>|unk>|\||(?:start|end)_of_turn>)|\[(?=/?INST\])", RegexOptions.IgnoreCase)]
    private static partial Regex Marks();

    private static string CodeOf(long seed, int draw, IReadOnlyList<string> texts)
    {
        using var hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA256);
        Span<byte> number = stackalloc byte[8];
        Append(hash, number, seed);
        Append(hash, number, draw);
        foreach (var text in texts)
        {
            // With its length before it, so that two texts cannot be cut elsewhere and give the same bytes.
            var bytes = Encoding.UTF8.GetBytes(text);
            Append(hash, number, bytes.Length);
            hash.AppendData(bytes);
        }
        return string.Concat(hash.GetHashAndReset().Take(CodeLength).Select(value => Letters[value % Letters.Length]));
    }

    private static void Append(IncrementalHash hash, Span<byte> number, long value)
    {
        BinaryPrimitives.WriteInt64LittleEndian(number, value);
        hash.AppendData(number);
    }
}
