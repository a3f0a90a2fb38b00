using System.Text;
using Zephyr.Data.Text;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Text;

public sealed class DecodingTests
{
    private static readonly MistralTokenizer Tiny = TinyTokenizer.Create();

    [Fact]
    public void Text_survives_encoding_and_decoding()
    {
        for (var i = 0; i < 2000; i++)
        {
            // Marks are not text: they decode to themselves and an added space, or to nothing.
            var text = RandomTexts.Next(i, 30).Replace('s', 'b').Replace('k', 'b').Replace('▁', ' ');
            Assert.Equal(text, Tiny.Decode(Tiny.Encode(text)));
            Assert.Equal(text, Tiny.Decode(Tiny.Encode(text, addBos: true)));
        }
    }

    [Fact]
    public void Marks_are_shown_or_left_out()
    {
        int[] ids = [Tiny.BosId, .. Tiny.Encode("ab"), Tiny.EosId, .. Tiny.Encode("c")];
        Assert.Equal("ab c", Tiny.Decode(ids));
        // A mark in front is not a space, so none is taken off.
        Assert.Equal("<s> ab</s> c", Tiny.Decode(ids, skipSpecialTokens: false));
    }

    [Fact]
    public void A_run_of_bytes_is_all_or_nothing()
    {
        int[] half = [Byte(0xE6), Byte(0x97)];
        Assert.Equal("日", Tiny.Decode([.. half, Byte(0xA5)]));
        Assert.Equal("\uFFFD\uFFFD", Tiny.Decode(half));
        Assert.Equal("\uFFFD\uFFFD\uFFFD", Tiny.Decode([Byte((byte)'a'), Byte(0xFF), Byte((byte)'b')]));
        // A mark that is left out does not end the run; one that is shown does.
        Assert.Equal("日", Tiny.Decode([.. half, Tiny.EosId, Byte(0xA5)]));
        Assert.Equal("\uFFFD\uFFFD</s>\uFFFD", Tiny.Decode([.. half, Tiny.EosId, Byte(0xA5)], skipSpecialTokens: false));
        Assert.Equal("", Tiny.Decode([Byte((byte)' ')]));
    }

    [Fact]
    public void Ids_outside_the_vocabulary_say_nothing()
    {
        Assert.Equal("ab", Tiny.Decode([-1, .. Tiny.Encode("ab"), Tiny.VocabularySize]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Tiny.Piece(Tiny.VocabularySize));
    }

    [Theory]
    [InlineData(true), InlineData(false)]
    public void Decoding_one_at_a_time_gives_the_same_text_and_never_half_a_character(bool skip)
    {
        for (var i = 0; i < 2000; i++)
        {
            var ids = Tiny.Encode(RandomTexts.Next(i, 30), addBos: i % 2 == 0);
            var decoder = new IncrementalDecoder(Tiny, skip);
            var text = new StringBuilder();
            foreach (var id in ids)
            {
                var part = decoder.Append(id);
                Assert.DoesNotContain(part, c => c == '\uFFFD' && !Tiny.Decode(ids, skip).Contains(c, StringComparison.Ordinal));
                Assert.False(part.Length > 0 && (char.IsHighSurrogate(part[^1]) || char.IsLowSurrogate(part[0])));
                text.Append(part);
            }
            Assert.Equal(Tiny.Decode(ids, skip), text.Append(decoder.Flush()).ToString());
        }
    }

    [Fact]
    public void Decoding_one_at_a_time_survives_any_ids()
    {
        var random = new SeededRandom(5);
        for (var i = 0; i < 500; i++)
        {
            var ids = Enumerable.Range(0, random.NextInt(40)).Select(_ => random.NextInt(Tiny.VocabularySize)).ToArray();
            var decoder = new IncrementalDecoder(Tiny);
            var text = string.Concat(ids.Select(decoder.Append)) + decoder.Flush();
            if (!Tiny.Decode(ids).Contains('\uFFFD', StringComparison.Ordinal)) Assert.Equal(Tiny.Decode(ids), text);
        }
    }

    [Fact]
    public void An_unfinished_character_is_shown_at_the_end_as_what_it_is()
    {
        var decoder = new IncrementalDecoder(Tiny);
        Assert.Equal("", decoder.Append(Byte(0xE6)) + decoder.Append(Byte(0x97)));
        Assert.Equal("\uFFFD\uFFFD", decoder.Flush());
        Assert.Equal("", decoder.Flush());
    }

    private static int Byte(byte value) => Tiny.Model.IdOf($"<0x{value:X2}>")!.Value;
}
