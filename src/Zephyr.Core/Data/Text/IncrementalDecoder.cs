using System.Text;

namespace Zephyr.Data.Text;

/// <summary>
/// Decoding one token at a time, for text that is shown while it is generated. A character whose bytes are still coming
/// is held back. The pieces joined equal <see cref="MistralTokenizer.Decode(ReadOnlySpan{int}, bool)"/> of all ids, except where a run
/// of byte tokens is not UTF-8: there the exact decode replaces the whole run, of which the valid part was shown already.
/// </summary>
public sealed class IncrementalDecoder
{
    private readonly TokenDecoder _decoder;
    private readonly bool _skipSpecialTokens;
    private readonly List<byte> _pending = [];
    private bool _atStart = true;

    /// <param name="tokenizer">Whose ids they are.</param>
    /// <param name="skipSpecialTokens">Whether marks such as <c>&lt;/s&gt;</c> are left out.</param>
    public IncrementalDecoder(MistralTokenizer tokenizer, bool skipSpecialTokens = true)
    {
        ArgumentNullException.ThrowIfNull(tokenizer);
        (_decoder, _skipSpecialTokens) = (tokenizer.Decoder, skipSpecialTokens);
    }

    /// <summary>Takes the next id and returns the text that is certain now; often empty inside a character.</summary>
    public string Append(int id)
    {
        if (!_decoder.IsShown(id, _skipSpecialTokens)) return "";
        if (_decoder.ByteOf(id) < 0) return TokenDecoder.Strip(Release() + _decoder.TextOf(id), ref _atStart);
        _pending.Add((byte)_decoder.ByteOf(id));
        return TokenDecoder.Strip(CompleteCharacters(), ref _atStart);
    }

    /// <summary>The text of the end: U+FFFD for each byte of a character that was never finished.</summary>
    public string Flush() => TokenDecoder.Strip(Release(), ref _atStart);

    private string Release()
    {
        var text = new string('\uFFFD', _pending.Count);
        _pending.Clear();
        return text;
    }

    private string CompleteCharacters()
    {
        var text = new StringBuilder();
        Span<char> utf16 = stackalloc char[2];
        while (_pending.Count > 0)
        {
            var status = Rune.DecodeFromUtf8([.. _pending], out var character, out var length);
            if (status == System.Buffers.OperationStatus.NeedMoreData) break;
            if (status == System.Buffers.OperationStatus.Done) text.Append(utf16[..character.EncodeToUtf16(utf16)]);
            else text.Append('\uFFFD', length);
            _pending.RemoveRange(0, length);
        }
        return text.ToString();
    }
}
