using System.Buffers;
using Microsoft.ML.Tokenizers;

namespace Zephyr.Data.Text;

/// <content>
/// What the package's base class asks for, so that the tokenizer fits wherever one of its own does. Normalization and
/// pre-tokenization are part of the algorithm here: the two switches of <see cref="EncodeSettings"/> change nothing,
/// there is no normalized text, and offsets are those of the text as given. No mark is added.
/// </content>
public sealed partial class MistralTokenizer
{
    /// <inheritdoc/>
    public override string Decode(IEnumerable<int> ids) => Decode(ids, skipSpecialTokens: true);

    /// <inheritdoc/>
    public override OperationStatus Decode(IEnumerable<int> ids, Span<char> destination, out int idsConsumed, out int charsWritten)
    {
        ArgumentNullException.ThrowIfNull(ids);
        (idsConsumed, charsWritten) = (0, 0);
        foreach (var (text, consumed) in Decoder.Parts(ids, skipSpecialTokens: true))
        {
            if (!text.AsSpan().TryCopyTo(destination[charsWritten..])) return OperationStatus.DestinationTooSmall;
            (idsConsumed, charsWritten) = (consumed, charsWritten + text.Length);
        }
        return OperationStatus.Done;
    }

    /// <inheritdoc/>
    protected override EncodeResults<EncodedToken> EncodeToTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        var (ids, spans, consumed) = EncodeUpTo(text ?? textSpan, settings.MaxTokenCount);
        var tokens = new EncodedToken[ids.Length];
        for (var i = 0; i < tokens.Length; i++)
            tokens[i] = new EncodedToken(ids[i], Piece(ids[i]), spans[i].Start..spans[i].End);
        return new EncodeResults<EncodedToken> { Tokens = tokens, CharsConsumed = consumed };
    }

    /// <inheritdoc/>
    protected override EncodeResults<int> EncodeToIds(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings)
    {
        var (ids, _, consumed) = EncodeUpTo(text ?? textSpan, settings.MaxTokenCount);
        return new EncodeResults<int> { Tokens = ids, CharsConsumed = consumed };
    }

    /// <inheritdoc/>
    protected override int CountTokens(string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings) =>
        EncodeUpTo(text ?? textSpan, settings.MaxTokenCount).Ids.Length;

    /// <inheritdoc/>
    protected override int GetIndexByTokenCount(
        string? text, ReadOnlySpan<char> textSpan, EncodeSettings settings, bool fromEnd, out string? normalizedText, out int tokenCount)
    {
        var characters = text ?? textSpan;
        normalizedText = null;
        if (!fromEnd)
        {
            var (ids, _, consumed) = EncodeUpTo(characters, settings.MaxTokenCount);
            tokenCount = ids.Length;
            return consumed;
        }
        var all = EncodeUpTo(characters, int.MaxValue);
        var first = Math.Max(0, all.Ids.Length - settings.MaxTokenCount);
        while (SplitsCharacter(all.Ids, all.Spans, first)) first++;
        tokenCount = all.Ids.Length - first;
        return first == 0 ? 0 : first == all.Ids.Length ? characters.Length : all.Spans[first].Start;
    }

    /// <summary>The first tokens of a text and how much of it they stand for; a character's bytes stay together.</summary>
    private (int[] Ids, CharSpan[] Spans, int Consumed) EncodeUpTo(ReadOnlySpan<char> text, int mostTokens)
    {
        int[] ids = [.. Encode(text, addBos: false)];
        var spans = Spans(ids, hasBos: false);
        if (ids.Length <= mostTokens) return (ids, spans, text.Length);
        var count = mostTokens;
        while (SplitsCharacter(ids, spans, count)) count--;
        return (ids[..count], spans[..count], count == 0 ? 0 : spans[count - 1].End);
    }

    private bool SplitsCharacter(int[] ids, CharSpan[] spans, int at) =>
        at > 0 && at < ids.Length && Decoder.ByteOf(ids[at]) >= 0 && Decoder.ByteOf(ids[at - 1]) >= 0 && spans[at] == spans[at - 1];

    /// <summary>
    /// Where each token stands. Text pieces are as long as their text; of a character's bytes the first says how many
    /// there are; the first piece after a mark, and of the text, begins with the added space.
    /// </summary>
    private CharSpan[] Spans(ReadOnlySpan<int> ids, bool hasBos)
    {
        var spans = new CharSpan[ids.Length];
        var (position, added) = (0, 1);
        for (var i = hasBos ? 1 : 0; i < ids.Length; i++)
        {
            var piece = Model.Pieces[ids[i]];
            if (piece.Type == SentencePieceType.Byte)
            {
                var bytes = Utf8Length(Decoder.ByteOf(ids[i]));
                var character = new CharSpan(position, position + (bytes == 4 ? 2 : 1));
                spans.AsSpan(i, bytes).Fill(character);
                (i, position, added) = (i + bytes - 1, character.End, 0);
                continue;
            }
            var end = position + piece.Text.Length - (piece.IsMark ? 0 : added);
            spans[i] = new CharSpan(position, end);
            (position, added) = (end, piece.IsMark ? 1 : 0);
        }
        return spans;
    }

    private static int Utf8Length(int first) => first switch { < 0x80 => 1, < 0xE0 => 2, < 0xF0 => 3, _ => 4 };
}
