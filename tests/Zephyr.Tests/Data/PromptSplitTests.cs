using Zephyr.Data;

namespace Zephyr.Tests.Data;

public class PromptSplitTests
{
    [Theory]
    [InlineData(0.0, 100, 0)]
    [InlineData(0.05, 100, 5)]
    [InlineData(0.5, 7, 4)]
    [InlineData(0.05, 3, 1)]
    [InlineData(0.5, 1, 1)]
    [InlineData(0.05, 1, 0)]
    [InlineData(0.05, 0, 0)]
    public void The_share_is_exact_and_not_nothing(double fraction, int prompts, int expected) =>
        Assert.Equal(expected, Prompts(prompts).Count(Choose(prompts, fraction, 1).Holds));

    [Fact]
    public void The_order_of_the_prompts_and_repetitions_change_nothing()
    {
        var keys = Prompts(100).Select(PromptKey.Of).ToArray();
        var reversed = PromptSplit.Choose(keys.Reverse().Concat(keys), 0.2, 3);
        Assert.Equal(Prompts(100).Where(Choose(100, 0.2, 3).Holds), Prompts(100).Where(reversed.Holds));
        Assert.NotEqual(Prompts(100).Where(Choose(100, 0.2, 3).Holds), Prompts(100).Where(Choose(100, 0.2, 4).Holds));
    }

    private static string[] Prompts(int count) => [.. Enumerable.Range(0, count).Select(i => $"Q{i}")];

    private static PromptSplit Choose(int count, double fraction, long seed) =>
        PromptSplit.Choose(Prompts(count).Select(PromptKey.Of), fraction, seed);
}
