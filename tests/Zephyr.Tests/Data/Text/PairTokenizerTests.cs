using Zephyr.Data;
using Zephyr.Data.Text;

namespace Zephyr.Tests.Data.Text;

public sealed class PairTokenizerTests
{
    private static readonly MistralTokenizer Tokenizer = TinyTokenizer.Create();
    private static readonly RowLocation Here = new("pairs.jsonl", 7, IsLine: true);

    [Fact]
    public void A_pair_that_fits_is_its_prompt_and_two_answers_with_their_end()
    {
        var pairs = Pairs(1000, 500);
        var pair = pairs.Tokenize(Pair("abc", "x", "a\nb"));
        Assert.Equal(Tokenizer.Encode("<|user|>\nabc</s>\n<|assistant|>\n", addBos: true), pair.PromptIds);
        Assert.Equal(["x", "</s>"], pair.ChosenIds.Select(Tokenizer.Piece));
        Assert.Equal(["a", "<0x0A>", "b", "</s>"], pair.RejectedIds.Select(Tokenizer.Piece));
        Assert.Equal((0, 0, 0), Cut(pair));
    }

    [Fact]
    public void An_empty_system_turn_is_put_in_front_on_request()
    {
        var pair = Pairs(1000, 500, insertSystem: true).Tokenize(Pair("abc", "x", "b"));
        Assert.Equal(Tokenizer.Encode("<|system|>\n</s>\n<|user|>\nabc</s>\n<|assistant|>\n", addBos: true), pair.PromptIds);
    }

    [Fact]
    public void Later_turns_of_an_answer_belong_to_it()
    {
        var pair = Pairs(1000, 500).Tokenize(
            Pair("abc", "x", "b") with { Chosen = [new("assistant", "a"), new("user", "c"), new("assistant", "x")] });
        Assert.Equal(
            Tokenizer.Encode("<|user|>\nabc</s>\n<|assistant|>\na</s>\n<|user|>\nc</s>\n<|assistant|>\nx</s>", addBos: true),
            pair.PromptIds.Concat(pair.ChosenIds));
    }

    [Fact]
    public void Turns_of_roles_that_the_template_does_not_know_are_counted()
    {
        var pairs = Pairs(1000, 500);
        pairs.Tokenize(Pair("abc", "x", "b"));
        Assert.Null(pairs.Skipped.Describe());
        pairs.Tokenize(Pair("abc", "x", "b") with { Chosen = [new("assistant", "a"), new("tool", "c"), new("assistant", "x")] });
        Assert.Equal("1 turn left out whose role the chat template does not know (tool 1)", pairs.Skipped.Describe());
    }

    [Theory]
    [InlineData("keep_end"), InlineData("keep_start")]
    public void A_long_prompt_keeps_its_start_mark_and_the_named_end(string mode)
    {
        var whole = Pairs(1000, 500).Tokenize(Pair("abcabcabcabc", "x", "b")).PromptIds;
        var pairs = Pairs(12, 10, mode);
        var cut = pairs.Tokenize(Pair("abcabcabcabc", "x", "b"));
        Assert.Equal(mode == "keep_end" ? [Tokenizer.BosId, .. whole[^9..]] : whole[..10], cut.PromptIds);
        Assert.Equal(["x", "</s>"], cut.ChosenIds.Select(Tokenizer.Piece));
        Assert.Equal((whole.Length - 10, 0, 0), Cut(cut));
    }

    [Fact]
    public void Answers_are_cut_at_their_end_and_keep_no_end_mark()
    {
        var prompt = Pairs(1000, 500).Tokenize(Pair("abc", "x", "b")).PromptIds.Length;
        var pairs = Pairs(prompt + 2, prompt);
        var pair = pairs.Tokenize(Pair("abc", "xxx", "x"));
        Assert.Equal(["x", "x"], pair.ChosenIds.Select(Tokenizer.Piece));
        Assert.Equal(["x", "</s>"], pair.RejectedIds.Select(Tokenizer.Piece));
        Assert.Equal((0, 2, 0), Cut(pair));
        Assert.Equal((0, 0, 1), Cut(pairs.Tokenize(Pair("abc", "x", "xx"))));
    }

    [Theory]
    [InlineData("", "x", "chosen"), InlineData("x", "", "rejected")]
    public void An_empty_answer_is_a_bad_row(string chosen, string rejected, string field)
    {
        var pairs = Pairs(1000, 500);
        var error = Assert.Throws<BadRowException>(() => pairs.Tokenize(Pair("abc", chosen, rejected)));
        Assert.Equal(field, error.Field);
        Assert.StartsWith("pairs.jsonl, line 7, field", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void An_answer_that_merges_into_its_prompt_is_a_bad_row()
    {
        // Here the newline is an ordinary character that merges with what follows.
        var merging = new MistralTokenizer(TinyTokenizer.Model("\nx", "\n", "x", "b", "▁"));
        var pairs = new PairTokenizer(merging, 1000, 500, "keep_end", insertSystem: false);
        var error = Assert.Throws<BadRowException>(() => pairs.Tokenize(Pair("b", "b", "x")));
        Assert.Equal("rejected", error.Field);
    }

    [Fact]
    public void An_answer_that_is_not_the_assistants_is_a_bad_row() => Assert.Throws<BadRowException>(
        () => Pairs(1000, 500).Tokenize(Pair("abc", "x", "b") with { Chosen = [new("user", "a"), new("assistant", "x")] }));

    private static PairTokenizer Pairs(int maxLength, int maxPromptLength, string mode = "keep_end", bool insertSystem = false) =>
        new(Tokenizer, maxLength, maxPromptLength, mode, insertSystem);

    private static PreferencePair Pair(string prompt, string chosen, string rejected) =>
        new(Here, [new("user", prompt)], [new("assistant", chosen)], [new("assistant", rejected)]);

    private static (int, int, int) Cut(TokenizedPair pair) =>
        (pair.Whole.Prompt - pair.PromptIds.Length, pair.Whole.Chosen - pair.ChosenIds.Length, pair.Whole.Rejected - pair.RejectedIds.Length);
}
