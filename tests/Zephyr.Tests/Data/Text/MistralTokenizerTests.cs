using System.Buffers;
using System.Text;
using Microsoft.ML.Tokenizers;
using Zephyr.Data.Text;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Text;

public sealed class MistralTokenizerTests
{
    private static readonly MistralTokenizer Tiny = TinyTokenizer.Create();

    [Fact]
    public void Equal_pairs_merge_from_the_left()
    {
        // aaa is aa + a, never a + aa: the leftmost pair first.
        Assert.Equal(["<0x0A>", "aa", "a"], Pieces("\naaa").Skip(1));
        Assert.Equal(["▁a", "aaaa", "aa", "a"], Pieces("aaaaaaaa"));
    }

    [Theory]
    [InlineData("", new string[0])]
    [InlineData(" ", new[] { "▁▁" })]
    [InlineData("abc", new[] { "▁abc" })]
    [InlineData("a</s>b", new[] { "▁a", "</s>", "▁", "b" })]
    [InlineData("<s></s>", new[] { "<s>", "</s>" })]
    [InlineData("\n", new[] { "▁", "<0x0A>" })]
    [InlineData("x日", new[] { "▁", "x", "<0xE6>", "<0x97>", "<0xA5>" })]
    [InlineData("b😀", new[] { "▁", "b😀" })]
    public void Text_becomes_pieces(string text, string[] pieces)
    {
        Assert.Equal(pieces, Pieces(text));
        Assert.Equal([Tiny.BosId, .. Tiny.Encode(text)], Tiny.Encode(text, addBos: true));
    }

    [Theory]
    [InlineData(0xD83D), InlineData(0xDE00)]
    public void A_lone_surrogate_counts_as_the_replacement_character(int surrogate)
    {
        Assert.Equal(Tiny.Encode("a\uFFFDb"), Tiny.Encode($"a{(char)surrogate}b"));
        Assert.Equal(Tiny.Encode("a\uFFFD"), Tiny.Encode($"a{(char)surrogate}"));
        Assert.Equal(Tiny.Encode("\uFFFD\uFFFD😀"), Tiny.Encode($"{(char)0xDE00}{(char)0xD83D}😀"));
    }

    [Fact]
    public void Random_texts_encode_as_the_plain_rules_say()
    {
        var reference = new ReferenceBpe(Tiny.Model);
        for (var i = 0; i < 3000; i++)
        {
            var text = RandomTexts.Next(i, i % 5 == 0 ? 120 : 20);
            Assert.Equal(reference.Encode(text), Tiny.Encode(text));
        }
    }

    [Fact]
    public void Random_texts_encode_as_the_plain_rules_say_with_the_real_vocabulary()
    {
        var tokenizer = MistralTokenizerGoldenTests.MistralTokenizer7B;
        var reference = new ReferenceBpe(tokenizer.Model);
        for (var i = 0; i < 2000; i++)
        {
            var text = RandomTexts.Next(i, i % 5 == 0 ? 200 : 30);
            var ids = tokenizer.Encode(text);
            Assert.Equal(reference.Encode(text), ids);
            Assert.Equal(text.Replace('▁', ' '), Unmarked(tokenizer, ids, text));
        }
    }

    [Fact]
    public void Spans_cover_the_text_in_order_and_say_what_each_token_stands_for()
    {
        for (var i = 0; i < 2000; i++)
        {
            var text = RandomTexts.Next(i, 40);
            var (ids, spans) = Tiny.EncodeWithSpans(text, addBos: true);
            Assert.Equal(Tiny.Encode(text, addBos: true), ids);
            Assert.Equal(new CharSpan(0, 0), spans[0]);
            var position = 0;
            for (var t = 1; t < ids.Length; t++)
            {
                if (spans[t] == spans[t - 1] && Tiny.Piece(ids[t]).StartsWith("<0x", StringComparison.Ordinal)) continue;
                Assert.Equal(position, spans[t].Start);
                position = spans[t].End;
                var piece = Tiny.Piece(ids[t]);
                if (!piece.StartsWith("<0x", StringComparison.Ordinal))
                    Assert.EndsWith(text[spans[t].Start..spans[t].End].Replace(' ', '▁'), piece);
            }
            Assert.Equal(text.Length, position);
        }
    }

    [Fact]
    public async Task Several_threads_share_one_tokenizer()
    {
        var tokenizer = TinyTokenizer.Create();
        var texts = Enumerable.Range(0, 400).Select(i => RandomTexts.Next(i, 60)).ToArray();
        var expected = texts.Select(text => Tiny.Encode(text)).ToArray();
        await Task.WhenAll(Enumerable.Range(0, 4).Select(_ => Task.Run(() =>
        {
            for (var i = 0; i < texts.Length; i++) Assert.Equal(expected[i], tokenizer.Encode(texts[i]));
        })));
    }

    [Fact]
    public void The_packages_interface_gives_the_same_ids()
    {
        Tokenizer tokenizer = Tiny;
        const string text = "abc x日 ab";
        var tokens = tokenizer.EncodeToTokens(text, out var normalized);
        Assert.Null(normalized);
        Assert.Equal(Tiny.Encode(text), tokens.Select(token => token.Id));
        Assert.Equal(tokens.Count, tokenizer.CountTokens(text));
        Assert.Equal(text, tokenizer.Decode(tokens.Select(token => token.Id)));

        // Three bytes of one character are not torn apart: two of them do not fit.
        var whole = tokens.Select(token => token.Value).ToList().IndexOf("<0xE6>");
        var ids = tokenizer.EncodeToIds(text, whole + 2, out _, out var consumed);
        Assert.Equal((whole, text.IndexOf('日')), (ids.Count, consumed));
        Assert.Equal(text.IndexOf('日'), tokenizer.GetIndexByTokenCount(text, whole + 2, out _, out var count));
        Assert.Equal(whole, count);
        Assert.Equal(text.IndexOf('日') + 1, tokenizer.GetIndexByTokenCountFromEnd(text, tokens.Count - whole - 1, out _, out count));
        Assert.Equal(tokens.Count - whole - 3, count);
        Assert.Equal(0, tokenizer.GetIndexByTokenCountFromEnd(text, 100, out _, out count));
        Assert.Equal(tokens.Count, count);
    }

    [Fact]
    public void Decoding_into_a_span_stops_where_it_is_full()
    {
        int[] ids = Tiny.Encode("abc日");
        var destination = new char[3];
        Assert.Equal(OperationStatus.DestinationTooSmall, Tiny.Decode(ids, destination, out var consumed, out var written));
        Assert.Equal((1, "abc"), (consumed, new string(destination, 0, written)));
        destination = new char[4];
        Assert.Equal(OperationStatus.Done, Tiny.Decode(ids, destination, out consumed, out written));
        Assert.Equal((ids.Length, "abc日"), (consumed, new string(destination, 0, written)));
    }

    [Fact]
    public void A_folder_without_the_model_file_is_refused_by_name()
    {
        using var folder = new TemporaryFolder();
        File.WriteAllText(Path.Combine(folder.Path, "tokenizer.json"), "{}");
        var error = Assert.Throws<UserErrorException>(() => MistralTokenizer.Load(folder.Path));
        Assert.Contains("only tokenizer.json", error.Message, StringComparison.Ordinal);
        Assert.Contains("expected tokenizer.model", error.Message, StringComparison.Ordinal);
        Assert.Throws<UserErrorException>(() => MistralTokenizer.Load(Path.Combine(folder.Path, "absent.model")));

        Tiny.Model.Save(Path.Combine(folder.Path, "tokenizer.model"));
        Assert.Equal(Tiny.VocabularySize, MistralTokenizer.Load(folder.Path).VocabularySize);
    }

    /// <summary>What the ids say, given that each mark in the text is followed by an added space.</summary>
    private static string Unmarked(MistralTokenizer tokenizer, int[] ids, string text)
    {
        var decoded = tokenizer.Decode(ids, skipSpecialTokens: false);
        var expected = new StringBuilder();
        var spans = tokenizer.EncodeWithSpans(text).Spans;
        var added = 0;
        for (var i = 1; i < ids.Length; i++)
            if (ids[i - 1] <= tokenizer.EosId && ids[i] > tokenizer.EosId)
            {
                // The space stands in the decoded text after the mark.
                expected.Append(decoded, expected.Length + added, spans[i].Start - expected.Length);
                Assert.Equal(' ', decoded[spans[i].Start + added++]);
            }
        return expected.Append(decoded, expected.Length + added, decoded.Length - expected.Length - added).ToString();
    }

    private static IEnumerable<string> Pieces(string text) => Tiny.Encode(text).Select(Tiny.Piece);
}
