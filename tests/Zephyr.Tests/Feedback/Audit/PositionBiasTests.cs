using Zephyr.Configuration;
using Zephyr.Data.Sources;
using Zephyr.Feedback;
using Zephyr.Runtime;

namespace Zephyr.Tests.Feedback.Audit;

public class PositionBiasTests
{
    [Fact]
    public void Ratings_and_choices_are_counted_by_place()
    {
        var record = Assert.Single(Audit([Prompt(0, (5, 1), (3, 2), (1, 3)), Prompt(1, (4, 1), (2, 3), (1, 2)), Prompt(2, (2, 1), (5, 2))]).Position);
        Assert.Equal("honesty", record.Judgment);
        // Two pairs among three answers, one among two.
        Assert.Equal([(1, 3, 11 / 3.0, 2, 2 / 3.0 + 0.5), (2, 3, 3.0, 1, 2 / 3.0 + 0.5), (3, 2, 1.5, 0, 2 / 3.0)],
            record.Positions.Select(count => (count.Position, (int)count.Ratings, count.Mean, (int)count.Chosen, count.Expected)));
        var statistic = Math.Pow(2 - 7 / 6.0, 2) / (7 / 6.0) + Math.Pow(1 - 7 / 6.0, 2) / (7 / 6.0) + 2 / 3.0;
        Assert.Equal((statistic, 2, Math.Exp(-statistic / 2)), (record.Test!.Statistic, record.Test.DegreesOfFreedom, record.Test.PValue), Near);
    }

    [Fact]
    public void A_fair_judge_passes_and_one_that_favours_the_first_place_does_not()
    {
        // A judge adds half a point to the place that it favours; the answers' own worth is drawn.
        foreach (var (favour, least, most) in new[] { (0, 0.001, 1.0), (2, 0.0, 1e-6) })
        {
            var random = new SeededRandom(11);
            var audit = Audit(Enumerable.Range(0, 400).Select(i =>
            {
                var places = random.Permutation(4);
                return Prompt(i, [.. places.Select(place => (1 + random.NextInt(40) + (place == 0 ? 5 * favour : 0), place + 1))]);
            }));
            Assert.InRange(audit.Position.Single().Test!.PValue, least, most);
        }
    }

    [Fact]
    public void Comparisons_are_counted_by_place_too()
    {
        var prompt = Prompt(0, (5, null), (3, null));
        ((Dictionary<string, object?>)prompt.Completions[0].Fields)["comparisons"] = Comparisons(2, (1, 1), (2, 1), (1, 0.5));
        ((Dictionary<string, object?>)prompt.Completions[1].Fields)["comparisons"] = Comparisons(1, (2, 0), (1, 0), (2, 0.5), (2, null));
        var record = Assert.Single(Audit([prompt]).Position);
        // Nobody knows to which order the third verdict belongs.
        Assert.Equal(("pairwise", null), (record.Judgment, record.Test));
        Assert.Equal([(1, 3, 0.5, 1, 1.0), (2, 3, 0.5, 1, 1.0)], record.Positions.Select(count => (count.Position, (int)count.Ratings, count.Mean, (int)count.Chosen, count.Expected)));
    }

    /// <summary>Of 1000 pairs 800 have one verdict in both orders, which says nothing of places; of the others 120 went to the first place and 80 to the second: McNemar's (120 - 80)^2 / 200.</summary>
    [Fact]
    public void Pairs_whose_verdict_changes_with_the_order_show_a_favoured_place()
    {
        var record = Assert.Single(Audit(Enumerable.Range(0, 1000).Select(i =>
        {
            var prompt = Prompt(i, (5, null), (3, null));
            var (first, second) = i < 800 ? (i % 2, i % 2) : i < 920 ? (1, 0) : (0, 1);
            ((Dictionary<string, object?>)prompt.Completions[0].Fields)["comparisons"] = Comparisons(2, (1, first), (2, second));
            ((Dictionary<string, object?>)prompt.Completions[1].Fields)["comparisons"] = Comparisons(1, (2, 1 - first), (1, 1 - second));
            return prompt;
        })).Position);
        Assert.Equal((8.0, 1), (record.Test!.Statistic, record.Test.DegreesOfFreedom));
        Assert.Equal(0.004678, record.Test.PValue, 6);
        Assert.Equal([1040, 960], record.Positions.Select(count => count.Chosen));
    }

    private static object?[] Comparisons(long against, params (long Position, double? Points)[] entries) =>
        [.. entries.Select(entry => new Dictionary<string, object?> { ["Against"] = against, ["Position"] = entry.Position, ["Points"] = entry.Points })];

    [Fact]
    public void Rows_that_do_not_say_where_the_judge_saw_their_answers_have_no_places() => Assert.Empty(Audit([Prompt(0, (5, null), (3, null))]).Position);

    [Fact]
    public void An_aspect_that_never_varies_agrees_with_nothing()
    {
        var agreement = Audit([Prompt(0, (5, null), (5, null), (3, null))]).Agreement.Single();
        Assert.Equal(("honesty", "overall_score", 3L), (agreement.First, agreement.Second, agreement.Answers));
        Assert.Equal((1.0, 1.0), (agreement.Spearman!.Value, agreement.Pearson!.Value), (a, b) => Near((a.Item1, 0, a.Item2), (b.Item1, 0, b.Item2)));
        agreement = Audit([Prompt(0, (5, null), (5, null))]).Agreement.Single();
        Assert.Equal((null, null), (agreement.Spearman, agreement.Pearson));
    }

    private static FeedbackAudit Audit(IEnumerable<ScoredPrompt> prompts)
    {
        var builder = new PairBuilder(new() { Ties = "keep", Rejected = "random_other" }, 42);
        using var tally = new FeedbackTally(new AuditOptions());
        foreach (var prompt in prompts) tally.Add(builder.Build(prompt), isTest: false);
        return tally.ToAudit();
    }

    private static ScoredPrompt Prompt(int number, params (int Rating, int? Position)[] answers) => new(new("rows.jsonl", 1, IsLine: true), $"Q{number}",
        [.. answers.Select((answer, i) => new ScoredCompletion($"m{i}", $"answer {i}", new Dictionary<string, object?>
        {
            ["overall_score"] = (long)answer.Rating,
            ["annotations"] = new Dictionary<string, object?>
            {
                ["honesty"] = new Dictionary<string, object?> { ["Rating"] = $"{answer.Rating}", ["Position"] = (long?)answer.Position },
            },
        }))]);

    private static bool Near((double, int, double) a, (double, int, double) b) => Math.Abs(a.Item1 - b.Item1) < 1e-9 && a.Item2 == b.Item2 && Math.Abs(a.Item3 - b.Item3) < 1e-9;
}
