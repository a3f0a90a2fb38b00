using System.Text;
using Zephyr.Data.Text;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Text;

public sealed class SentencePieceModelTests
{
    [Fact]
    public void A_model_made_in_code_reads_back()
    {
        var pieces = TinyTokenizer.Pieces("▁a", "▁", "a");
        var model = SentencePieceModel.Create(pieces);
        Assert.Equal(pieces, model.Pieces);
        var again = SentencePieceModel.Parse(model.Bytes.ToArray(), "again");
        Assert.Equal(pieces, again.Pieces);
        Assert.Equal(model.Bytes, again.Bytes);
        Assert.Equal(pieces.Count - 1, model.IdOf("a"));
        Assert.Null(model.IdOf("b"));
    }

    [Fact]
    public void A_file_is_written_back_byte_for_byte()
    {
        foreach (var file in new[] { "golden/tokenizer/mistral-7b-v0.1.tokenizer.model", "models/stories260k/tokenizer.model" })
        {
            using var folder = new TemporaryFolder();
            var copy = Path.Combine(folder.Path, "tokenizer.model");
            SentencePieceModel.Load(SharedFolder.PathOf(file)).Save(copy);
            Assert.Equal(File.ReadAllBytes(SharedFolder.PathOf(file)), File.ReadAllBytes(copy));
        }
    }

    [Fact]
    public void A_file_cut_anywhere_is_refused()
    {
        var bytes = TinyTokenizer.Model("▁", "a").Bytes.ToArray();
        for (var length = 0; length < bytes.Length; length++)
        {
            // A cut between two settings leaves a model whose settings are the format's defaults: the tokenizer refuses those.
            var cut = bytes[..length];
            Assert.Throws<UserErrorException>(() => new MistralTokenizer(SentencePieceModel.Parse(cut, "cut.model")));
        }
    }

    [Fact]
    public void A_file_changed_anywhere_is_read_or_refused_in_one_way()
    {
        var bytes = TinyTokenizer.Model("▁a", "▁", "a").Bytes.ToArray();
        var random = new SeededRandom(3);
        for (var i = 0; i < 3000; i++)
        {
            var changed = (byte[])bytes.Clone();
            for (var n = random.NextInt(3); n >= 0; n--) changed[random.NextInt(changed.Length)] = (byte)random.NextInt(256);
            try
            {
                new MistralTokenizer(SentencePieceModel.Parse(changed, "changed.model")).Encode("a b<s>");
            }
            catch (UserErrorException)
            {
                // The one way.
            }
        }
    }

    [Theory]
    [InlineData(new byte[] { 0x0A, 0xFF, 0xFF, 0xFF, 0xFF, 0x0F, 1 }, "a field of 4294967295 bytes where 1 are left")]
    [InlineData(new byte[] { 0x0A, 0x80 }, "a number cut short")]
    [InlineData(new byte[] { 0x0B }, "wire type 3")]
    [InlineData(new byte[] { 0x02 }, "a field number out of range")]
    [InlineData(new byte[] { 0x08, 1 }, "field 1 with wire type 0 where bytes belongs")]
    [InlineData(new byte[] { 0x0A, 0 }, "an empty piece (id 0)")]
    [InlineData(new byte[] { 0x0A, 3, 0x0A, 1, 0xFF }, "a piece that is not UTF-8 (id 0)")]
    [InlineData(new byte[] { }, "no pieces")]
    public void Broken_bytes_are_named(byte[] bytes, string found)
    {
        var error = Assert.Throws<UserErrorException>(() => SentencePieceModel.Parse(bytes, "m.model"));
        Assert.StartsWith("m.model: found " + found, error.Message, StringComparison.Ordinal);
        Assert.EndsWith(", expected a SentencePiece model with byte fallback", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Pieces_that_cannot_be_used_are_named()
    {
        Refused(TinyTokenizer.Pieces("a", "a"), "the piece 'a' twice (ids 259 and 260)");
        Refused([.. TinyTokenizer.Pieces("a").Where(piece => piece.Text != "<0x7F>")], "no byte piece <0x7F>");
        Refused([.. TinyTokenizer.Pieces("a"), new("<0xG0>", 0, SentencePieceType.Byte)], "the byte piece '<0xG0>'");
        Refused([.. TinyTokenizer.Pieces("a"), new("b", float.NaN, SentencePieceType.Normal)], "the score NaN (id 260)");
        Refused(TinyTokenizer.Pieces(new string('a', 300)), "a piece of 300 bytes (id 259)");
    }

    [Fact]
    public void A_file_too_large_to_be_a_vocabulary_is_not_read()
    {
        using var folder = new TemporaryFolder();
        var path = Path.Combine(folder.Path, "tokenizer.model");
        using (var file = File.Create(path)) file.SetLength(1L << 34);
        var error = Assert.Throws<UserErrorException>(() => SentencePieceModel.Load(path));
        Assert.Contains("found more than 16777216 bytes, expected a SentencePiece model of at most that", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_of_another_kind_is_refused()
    {
        // The same pieces without settings: by the format's defaults a unigram model that shrinks spaces.
        var model = TinyTokenizer.Model("a");
        var content = new ProtobufWriter();
        foreach (var piece in model.Pieces)
            content.Bytes(1, new ProtobufWriter().Text(1, piece.Text).Float(2, piece.Score).Integer(3, (long)piece.Type).ToArray());
        var unigram = SentencePieceModel.Parse(content.ToArray(), "t5.model");
        Assert.Contains("t5.model: found a model without merges", Refusal(unigram), StringComparison.Ordinal);
        content.Bytes(2, new ProtobufWriter().Integer(3, 2).ToArray());
        Assert.Contains("shrinks runs of spaces", Refusal(SentencePieceModel.Parse(content.ToArray(), "m")), StringComparison.Ordinal);
        content.Bytes(3, new ProtobufWriter().Integer(4, 0).Bytes(2, Encoding.UTF8.GetBytes("table")).ToArray());
        Assert.Contains("rewrites characters", Refusal(SentencePieceModel.Parse(content.ToArray(), "m")), StringComparison.Ordinal);
        Assert.Contains("no mark '</s>'", Refusal(SentencePieceModel.Create(
            [.. TinyTokenizer.Pieces("a").Where(piece => piece.Text != "</s>")])), StringComparison.Ordinal);
    }

    private static void Refused(IReadOnlyList<SentencePiece> pieces, string found) => Assert.Contains(
        "found " + found, Assert.Throws<UserErrorException>(() => SentencePieceModel.Create(pieces)).Message, StringComparison.Ordinal);

    private static string Refusal(SentencePieceModel model) =>
        Assert.Throws<UserErrorException>(() => new MistralTokenizer(model)).Message;
}
