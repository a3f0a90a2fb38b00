using Zephyr.Data;
using Zephyr.Data.Text;

namespace Zephyr.Tests.Data.Text;

/// <summary>What handbook-v0.3 and trl do otherwise than the default, each on pieces that can be counted by hand.</summary>
public sealed class PairTokenizationTests
{
    private static readonly MistralTokenizer Tokenizer = TinyTokenizer.Create();
    private static readonly RowLocation Here = new("pairs.jsonl", 7, IsLine: true);

    private static readonly string[] Tag = ["▁", "<|", .. Bytes("assistant"), "|>", "<0x0A>"];
    private static readonly string[] UserTag = ["▁", "<|", .. Bytes("user"), "|>", "<0x0A>"];

    [Fact]
    public void The_handbooks_prompt_ends_before_the_tag_and_its_answers_begin_with_it()
    {
        var pair = Pairs("handbook-v0.3").Tokenize(Pair("abc", "x", "b"));
        Assert.Equal(["<s>", .. UserTag, "abc", "</s>", "▁", "<0x0A>"], Pieces(pair.PromptIds));
        // The tag goes on from the newline, so no space is put before it.
        Assert.Equal([.. Tag[1..], "x", "</s>", "▁", "<0x0A>", "</s>"], Pieces(pair.ChosenIds));
        Assert.Equal([.. Tag[1..], "b", "</s>", "▁", "<0x0A>", "</s>"], Pieces(pair.RejectedIds));
    }

    [Fact]
    public void Trl_has_no_start_mark_and_scores_the_newline_of_the_template()
    {
        var pair = Pairs("trl").Tokenize(Pair("abc", "x", "b"));
        Assert.Equal([.. UserTag, "abc", "</s>", "▁", "<0x0A>", .. Tag[1..]], Pieces(pair.PromptIds));
        Assert.Equal(["x", "</s>", "▁", "<0x0A>"], Pieces(pair.ChosenIds));
        Assert.Equal(["b", "</s>", "▁", "<0x0A>"], Pieces(pair.RejectedIds));
    }

    /// <summary>The handbook cuts nothing where the longer answer fits, whatever max_prompt_length says.</summary>
    [Fact]
    public void The_handbook_cuts_a_prompt_only_where_the_pair_does_not_fit()
    {
        var whole = Pairs("handbook-v0.3").Tokenize(Pair("abcabcabc", "x", "xx"));
        var fits = whole.PromptIds.Length + whole.RejectedIds.Length;
        Assert.Equal(whole.PromptIds, Pairs("handbook-v0.3", fits, 10).Tokenize(Pair("abcabcabc", "x", "xx")).PromptIds);

        // One token too long, so that the prompt is cut to 10; with keep_end its <s> goes too.
        Assert.Equal(whole.PromptIds[^10..], Pairs("handbook-v0.3", fits - 1, 10, "keep_end").Tokenize(Pair("abcabcabc", "x", "xx")).PromptIds);
        Assert.Equal(whole.PromptIds[..10], Pairs("handbook-v0.3", fits - 1, 10, "keep_start").Tokenize(Pair("abcabcabc", "x", "xx")).PromptIds);
    }

    /// <summary>Behind a prompt that is shorter than max_prompt_length the answers are cut as if it were not: TRL 0.7 subtracts the limit, not the length.</summary>
    [Fact]
    public void The_handbook_cuts_answers_to_what_the_limits_leave()
    {
        var whole = Pairs("handbook-v0.3").Tokenize(Pair("a", new('x', 60), "x"));
        Assert.InRange(whole.PromptIds.Length, 1, 29);
        var cut = Pairs("handbook-v0.3", 60, 30).Tokenize(Pair("a", new('x', 60), "x"));
        Assert.Equal(whole.PromptIds, cut.PromptIds);
        Assert.Equal(whole.ChosenIds[..30], cut.ChosenIds);
        Assert.Equal(whole.RejectedIds, cut.RejectedIds);
        Assert.Equal(new PairLengths(whole.PromptIds.Length, whole.ChosenIds.Length, whole.RejectedIds.Length), cut.Whole);
    }

    [Fact]
    public void Trl_cuts_at_max_length_and_leaves_nothing_behind_a_prompt_that_fills_it()
    {
        var whole = Pairs("trl").Tokenize(Pair("abc", "xxxx", "x"));
        var prompt = whole.PromptIds.Length;
        var cut = Pairs("trl", prompt + 2).Tokenize(Pair("abc", "xxxx", "x"));
        Assert.Equal(["x", "x"], Pieces(cut.ChosenIds));
        // Here only the template's newline is lost.
        Assert.Equal(["x", "</s>"], Pieces(cut.RejectedIds));
        Assert.False(Pairs("trl", prompt + 1).Tokenize(Pair("abc", "xxxx", "x")).IsCutAway);
        Assert.True(Pairs("trl", prompt).Tokenize(Pair("abc", "xxxx", "x")).IsCutAway);
        Assert.True(Pairs("trl", prompt - 1).Tokenize(Pair("abc", "xxxx", "x")).IsCutAway);
    }

    /// <summary>Where an answer's first piece merges with the prompt's last, the handbook's split steps one token back; the other ways refuse.</summary>
    [Fact]
    public void The_handbook_steps_back_where_a_merge_crosses_the_border()
    {
        var merging = new MistralTokenizer(TinyTokenizer.Model("\n<", "\n", "<", "b", "▁"));
        var pair = new PairTokenizer(merging, 1000, 500, "keep_end", false, "handbook-v0.3").Tokenize(Pair("b", "b", "bb"));
        Assert.Equal(["</s>", "▁"], pair.PromptIds[^2..].Select(merging.Piece));
        Assert.Equal("\n<", merging.Piece(pair.ChosenIds[0]));
        Assert.Equal("\n<", merging.Piece(pair.RejectedIds[0]));
    }

    [Fact]
    public void The_handbook_takes_all_turns_but_the_last_for_the_prompt()
    {
        ChatMessage[] first = [new("assistant", "a"), new("user", "c")];
        var pair = Pair("abc", "x", "b");
        pair = pair with { Chosen = [.. first, .. pair.Chosen], Rejected = [.. first, .. pair.Rejected] };
        var ids = Pairs("handbook-v0.3").Tokenize(pair);
        Assert.Equal(Tokenizer.Encode("<|user|>\nabc</s>\n<|assistant|>\na</s>\n<|user|>\nc</s>\n", addBos: true), ids.PromptIds);

        var error = Assert.Throws<BadRowException>(() => Pairs("handbook-v0.3").Tokenize(pair with { Rejected = [new("assistant", "b")] }));
        Assert.Equal("pairs.jsonl, line 7, field 'rejected': found turns before the last one that chosen does not have, expected answers that differ in their last turn only",
            error.Message);
    }

    [Theory]
    [InlineData("zephyr"), InlineData("handbook-v0.3"), InlineData("trl")]
    public void The_same_pair_gives_the_same_ids_from_any_thread(string tokenization)
    {
        var rows = Enumerable.Range(0, 200).Select(i => Pair(new('a', i % 37 + 1), new('b', i % 5 + 1), "x")).ToList();
        var alone = rows.Select(Pairs(tokenization, 60, 30).Tokenize).Select(Text).ToList();
        Assert.Equal(alone, rows.SelectOrdered(Pairs(tokenization, 60, 30).Tokenize, 4, TestContext.Current.CancellationToken).Select(Text));
    }

    private static string Text(TokenizedPair pair) =>
        string.Join('|', new[] { pair.PromptIds, pair.ChosenIds, pair.RejectedIds }.Select(ids => string.Join(',', ids))) + pair.Whole;

    private static IEnumerable<string> Pieces(int[] ids) => ids.Select(Tokenizer.Piece);

    /// <summary>The tiny tokenizer knows few letters; the others are bytes.</summary>
    private static IEnumerable<string> Bytes(string text) => text.Select(letter => letter is 'a' or 'b' or 'c' or 'x' ? $"{letter}" : $"<0x{(int)letter:X2}>");

    private static PairTokenizer Pairs(string tokenization, int maxLength = 1000, int maxPromptLength = 500, string? truncation = null) =>
        new(Tokenizer, maxLength, maxPromptLength, truncation ?? "keep_start", insertSystem: false, tokenization);

    private static PreferencePair Pair(string prompt, string chosen, string rejected) =>
        new(Here, [new("user", prompt)], [new("assistant", chosen)], [new("assistant", rejected)]);
}
