using Zephyr.Feedback.Audit;
using Zephyr.Runtime;

namespace Zephyr.Tests.Feedback.Audit;

public class PromptDuplicatesTests
{
    [Fact]
    public void Near_duplicates_are_those_that_a_comparison_of_all_with_all_finds()
    {
        var prompts = PromptFamilies.Random(new SeededRandom(5), families: 60, size: 5);
        foreach (var threshold in new[] { 0.6, 0.7, 0.8, 0.9 })
        {
            using var duplicates = new PromptDuplicates(threshold);
            foreach (var prompt in prompts) duplicates.Add(prompt);
            var record = duplicates.ToRecord();
            var (same, near, groups) = ByBruteForce(prompts, threshold);
            Assert.Equal((same, near, groups), (record.SameWords, record.NearDuplicates, record.Groups));
            Assert.True(near > 5, "the sample has too few near-duplicates to say anything");
            Assert.All(record.First, pair => Assert.True(pair.Jaccard >= threshold));
        }
    }

    [Fact]
    public void The_order_of_the_prompts_does_not_matter()
    {
        var prompts = PromptFamilies.Random(new SeededRandom(6), families: 40, size: 6);
        var order = new SeededRandom(7).Permutation(prompts.Count);
        var (first, second) = (Of(prompts), Of([.. order.Select(i => prompts[i])]));
        Assert.Equal(first with { First = [] }, second with { First = [] });
        Assert.Equal(first.First, second.First);
    }

    [Fact]
    public void Case_spaces_and_punctuation_make_no_other_prompt()
    {
        var record = Of(["What is 2 + 2?", "what is  2+2", "What is 2 + 3?", "", "???", "\u4f60\u597d\u5417", "\u4f60 \u597d \u5417\uff1f"]);
        Assert.Equal((2, 0, 0), (record.SameWords, record.NearDuplicates, record.Groups));
    }

    [Fact]
    public void Thousands_of_prompts_of_one_template_are_compared_with_some_of_each_other()
    {
        var words = Enumerable.Range(0, 40).Select(i => $"word{i}").ToArray();
        var begun = TimeProvider.System.GetTimestamp();
        // Jaccard of two of them: 36 + k common of 2 x 37 - that; all above 0.9.
        var record = Of([.. Enumerable.Range(0, 5_000).Select(i => $"{string.Join(' ', words)} number {i}")]);
        Assert.Equal((0, 4_999, 1), (record.SameWords, record.NearDuplicates, record.Groups));
        Assert.Equal(20, record.First.Count);
        Assert.InRange(TimeProvider.System.GetElapsedTime(begun).TotalSeconds, 0, 60);
    }

    [Theory]
    [InlineData(1, 3.841, 0.05)]
    [InlineData(1, 10.828, 0.001)]
    [InlineData(2, 5.991, 0.05)]
    [InlineData(3, 7.815, 0.05)]
    [InlineData(3, 0.352, 0.95)]
    [InlineData(7, 18.475, 0.01)]
    [InlineData(10, 29.588, 0.001)]
    public void The_chi_square_distribution_is_the_tables(int degrees, double statistic, double tail) =>
        Assert.Equal(tail, ChiSquare.Survival(statistic, degrees), tail / 500);

    private static (int Same, int Near, int Groups) ByBruteForce(List<string> prompts, double threshold)
    {
        var groups = PromptFamilies.GroupsOf(prompts, threshold);
        int[] distinct = [.. prompts.Index().DistinctBy(prompt => prompt.Item.TrimEnd('.')).Select(prompt => groups[prompt.Index])];
        var sizes = distinct.CountBy(number => number).Where(count => count.Value > 1).ToList();
        return (prompts.Count - distinct.Length, sizes.Sum(count => count.Value - 1), sizes.Count);
    }

    private static DuplicateRecord Of(IReadOnlyList<string> prompts)
    {
        using var duplicates = new PromptDuplicates(0.7);
        foreach (var prompt in prompts) duplicates.Add(prompt);
        return duplicates.ToRecord();
    }
}
