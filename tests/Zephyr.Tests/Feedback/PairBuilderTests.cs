using Zephyr.Configuration;
using Zephyr.Data.Sources;
using Zephyr.Feedback;
using Zephyr.Runtime;
using static Zephyr.Tests.Feedback.Rows;

namespace Zephyr.Tests.Feedback;

public class PairBuilderTests
{
    [Fact]
    public void The_best_answer_is_chosen_and_each_lower_one_is_rejected_at_times()
    {
        var pairs = Many(i => Scored($"Q{i}", 3, 9, 5, 1), new());
        Assert.All(pairs, pair => Assert.Equal("m1", pair.Chosen.Completion.Model));
        Assert.Equal(["m0", "m2", "m3"], RejectedModels(pairs));
    }

    [Fact]
    public void Random_lower_never_rejects_an_answer_as_good_as_the_chosen_one()
    {
        var random = new SeededRandom(5);
        foreach (var ties in new[] { "drop", "keep" })
        {
            var pairs = Many(i => Scored($"Q{i}", Draw(random)), new() { Ties = ties });
            Assert.NotEmpty(pairs);
            Assert.All(pairs, pair => Assert.True(pair.Rejected.Score < pair.Chosen.Score));
        }
    }

    [Fact]
    public void Random_other_may_reject_an_answer_as_good_as_the_chosen_one_where_ties_are_kept()
    {
        var pairs = Many(i => Scored($"Q{i}", 9, 9, 1), new() { Rejected = "random_other", Ties = "keep" });
        Assert.Contains(pairs, pair => pair.Margin == 0);
        Assert.Contains(pairs, pair => pair.Margin == 8);
        Assert.All(pairs, pair => Assert.NotSame(pair.Chosen, pair.Rejected));
        Assert.Equal(["m0", "m1"], pairs.Select(pair => pair.Chosen.Completion.Model).Distinct().Order());
    }

    [Fact]
    public void Lowest_rejects_the_worst_and_draws_among_equals()
    {
        var pairs = Many(i => Scored($"Q{i}", 9, 1, 5, 1), new() { Rejected = "lowest" });
        Assert.Equal(["m1", "m3"], RejectedModels(pairs));
    }

    [Theory]
    [InlineData("random_lower", "drop", PromptDrop.BestScoreTied, 9L, 9L, 1L)]
    [InlineData("lowest", "drop", PromptDrop.BestScoreTied, 5L, 5L)]
    [InlineData("random_lower", "keep", PromptDrop.NoLowerScore, 5L, 5L, 5L)]
    [InlineData("random_lower", "drop", PromptDrop.FewerThanTwoAnswers, 5L)]
    [InlineData("random_lower", "drop", PromptDrop.FewerThanTwoAnswers)]
    public void A_prompt_without_a_pair_says_why(string rejected, string ties, PromptDrop expected, params long[] scores)
    {
        var outcome = Build(Scored("Q", scores), new() { Rejected = rejected, Ties = ties });
        Assert.Null(outcome.Pair);
        Assert.Equal(expected, outcome.Dropped);
    }

    [Fact]
    public void An_empty_prompt_gives_no_pair() =>
        Assert.Equal(PromptDrop.EmptyPrompt, Build(Scored(" \n", 1, 2), new()).Dropped);

    [Theory]
    [InlineData(4.0, true)]
    [InlineData(4.5, false)]
    public void A_pair_whose_scores_differ_by_less_than_the_margin_is_dropped(double margin, bool kept)
    {
        var outcome = Build(Scored("Q", 9, 5), new() { MinMargin = margin });
        Assert.Equal(kept, outcome.Pair is not null);
        Assert.Equal(kept ? null : PromptDrop.MarginTooSmall, outcome.Dropped);
    }

    [Fact]
    public void Empty_equal_and_unscored_answers_are_no_candidates_and_counted()
    {
        var outcome = Build(Answers("Q", ("A", 1L), (" \n", 9L), ("A ", 8L), ("B", "N/A"), ("C", 3L)), new());
        Assert.Equal([AnswerDrop.EmptyAnswer, AnswerDrop.SameAsAnother, AnswerDrop.NoScore], outcome.DroppedAnswers);
        Assert.Equal(("C", "A"), (outcome.Pair!.Chosen.Completion.Response, outcome.Pair.Rejected.Completion.Response));
    }

    [Fact]
    public void What_is_drawn_depends_on_seed_and_prompt_alone()
    {
        var rows = Enumerable.Range(0, 50).Select(i => Scored($"Q{i}", 1, 2, 3, 4, 5)).ToArray();
        var builder = new PairBuilder(new(), 7);
        var forward = rows.Select(row => builder.Build(row).Pair!.Rejected.Completion.Model).ToArray();
        var backward = rows.Reverse().Select(row => builder.Build(row).Pair!.Rejected.Completion.Model).Reverse();
        Assert.Equal(forward, backward);
        Assert.NotEqual(forward, rows.Select(row => new PairBuilder(new(), 8).Build(row).Pair!.Rejected.Completion.Model));
    }

    private static long[] Draw(SeededRandom random) => [.. Enumerable.Range(0, 4).Select(_ => (long)random.NextInt(4))];

    private static PairOutcome Build(ScoredPrompt prompt, AifOptions options) => new PairBuilder(options, 42).Build(prompt);

    private static ScoredPair[] Many(Func<int, ScoredPrompt> make, AifOptions options) =>
        [.. Enumerable.Range(0, 200).Select(i => Build(make(i), options).Pair).OfType<ScoredPair>()];

    private static IEnumerable<string> RejectedModels(IEnumerable<ScoredPair> pairs) =>
        pairs.Select(pair => pair.Rejected.Completion.Model).Distinct().Order();
}
