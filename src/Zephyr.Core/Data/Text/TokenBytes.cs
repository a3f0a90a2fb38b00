using System.Text;
using Zephyr.Data.Batches;

namespace Zephyr.Data.Text;

/// <summary>How many bytes of text labels stand for: with them losses compare across tokenizers.</summary>
/// <param name="tokenizer">The tokenizer.</param>
public sealed class TokenBytes(MistralTokenizer tokenizer)
{
    private readonly int[] _bytes = [.. Enumerable.Range(0, tokenizer.VocabularySize).Select(id =>
        !tokenizer.Decoder.IsShown(id, skipSpecialTokens: true) ? 0 : tokenizer.Decoder.ByteOf(id) >= 0 ? 1 : Encoding.UTF8.GetByteCount(tokenizer.Decoder.TextOf(id)))];

    /// <summary>UTF-8 bytes of a sequence's labels. Marks like &lt;/s&gt; have none, nor has the space that encoding puts behind them.</summary>
    public long Of(TokenSequence sequence)
    {
        ArgumentNullException.ThrowIfNull(sequence);
        long sum = 0;
        foreach (var document in sequence.Documents)
            for (var i = 1; i < document.Ids.Length; i++)
                if (document.IsLabel(i)) sum += BytesOf(document.Ids[i]) - (BytesOf(document.Ids[i - 1]) == 0 && BeginsWithSpace(document.Ids[i]) ? 1 : 0);
        return sum;
    }

    private int BytesOf(int id) => id < _bytes.Length ? _bytes[id] : 0;

    private bool BeginsWithSpace(int id) => BytesOf(id) > 0 && tokenizer.Decoder.ByteOf(id) < 0 && tokenizer.Decoder.TextOf(id)[0] == ' ';
}
