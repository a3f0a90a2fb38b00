using Zephyr.Data.Text;

namespace Zephyr.Tests.Data.Text;

/// <summary>A tokenizer made in code, for tests that must run in any clone.</summary>
internal static class TinyTokenizer
{
    /// <summary>Marks, bytes, then merges with falling scores, then single characters.</summary>
    public static SentencePieceModel Model(params string[] texts) => SentencePieceModel.Create(Pieces(texts));

    public static List<SentencePiece> Pieces(params string[] texts)
    {
        var pieces = new List<SentencePiece>
        {
            new("<unk>", 0, SentencePieceType.Unknown),
            new("<s>", 0, SentencePieceType.Control),
            new("</s>", 0, SentencePieceType.Control),
        };
        for (var value = 0; value < 256; value++) pieces.Add(new($"<0x{value:X2}>", 0, SentencePieceType.Byte));
        pieces.AddRange(texts.Select((text, i) => new SentencePiece(text, -i, SentencePieceType.Normal)));
        return pieces;
    }

    /// <summary>Knows small words over a, b, c, "|" and "é"; everything else is bytes.</summary>
    public static MistralTokenizer Create() => new(Model(
        "▁a", "ab", "aa", "▁ab", "aaaa", "bc", "abc", "▁abc", "▁▁", "aab", "b😀", "cé", "éé", "|>", "<|",
        "▁", "a", "b", "c", "é", "😀", "<", "|", ">", "x"));
}
