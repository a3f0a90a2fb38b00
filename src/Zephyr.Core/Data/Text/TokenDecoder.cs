using System.Text;

namespace Zephyr.Data.Text;

/// <summary>
/// Turns pieces back into text. "▁" becomes a space. A run of byte pieces is all or nothing: the text it is as UTF-8, or
/// one U+FFFD a byte. Ids outside the vocabulary say nothing (an embedding may be larger than its vocabulary).
/// </summary>
internal sealed class TokenDecoder
{
    private static readonly UTF8Encoding StrictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly string[] _texts;
    private readonly short[] _bytes;
    private readonly bool[] _special;

    public TokenDecoder(SentencePieceModel model)
    {
        var pieces = model.Pieces;
        _texts = [.. pieces.Select(piece => piece.Text.Replace(MistralTokenizer.Space, ' '))];
        _special = [.. pieces.Select(piece => piece.IsSpecial)];
        _bytes = [.. pieces.Select(piece =>
            piece.Type == SentencePieceType.Byte ? SentencePieceModel.ByteOf(piece.Text) : (short)-1)];
    }

    /// <summary>Whether the id says anything: it is in the vocabulary and not a mark that is left out.</summary>
    public bool IsShown(int id, bool skipSpecialTokens) =>
        (uint)id < (uint)_texts.Length && !(skipSpecialTokens && _special[id]);

    /// <summary>The byte of a byte piece; negative for any other.</summary>
    public int ByteOf(int id) => _bytes[id];

    /// <summary>The text of a piece, with spaces.</summary>
    public string TextOf(int id) => _texts[id];

    /// <summary>The text of ids, without the space that encoding put in front of it.</summary>
    public string Decode(IEnumerable<int> ids, bool skipSpecialTokens)
    {
        var text = new StringBuilder();
        foreach (var (part, _) in Parts(ids, skipSpecialTokens)) text.Append(part);
        return text.ToString();
    }

    /// <summary>
    /// The text in parts that do not depend on what comes after them, each with the number of ids up to its end;
    /// the last part may be empty.
    /// </summary>
    public IEnumerable<(string Text, int IdsConsumed)> Parts(IEnumerable<int> ids, bool skipSpecialTokens)
    {
        var run = new List<byte>();
        var (consumed, atStart) = (0, true);
        foreach (var id in ids)
        {
            consumed++;
            if (!IsShown(id, skipSpecialTokens)) continue;
            if (_bytes[id] >= 0)
            {
                run.Add((byte)_bytes[id]);
                continue;
            }
            if (run.Count > 0)
            {
                yield return (Strip(DecodeRun(run), ref atStart), consumed - 1);
                run.Clear();
            }
            yield return (Strip(_texts[id], ref atStart), consumed);
        }
        yield return (run.Count > 0 ? Strip(DecodeRun(run), ref atStart) : "", consumed);
    }

    /// <summary>Takes one space off the front of the whole text.</summary>
    public static string Strip(string part, ref bool atStart)
    {
        if (!atStart || part.Length == 0) return part;
        atStart = false;
        return part[0] == ' ' ? part[1..] : part;
    }

    private static string DecodeRun(List<byte> run)
    {
        try
        {
            return StrictUtf8.GetString([.. run]);
        }
        catch (DecoderFallbackException)
        {
            return new string('\uFFFD', run.Count);
        }
    }
}
