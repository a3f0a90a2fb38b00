using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Runtime;

namespace Zephyr.Tests.Data.Batches;

public class HeldOutSplitTests
{
    private static readonly string[] Rows = [.. Enumerable.Range(0, 60).Select(i => $"prompt {i % 20} row {i}")];

    [Fact]
    public void No_prompt_stands_on_both_sides_and_no_row_is_lost()
    {
        var (train, held) = HeldOutSplit.Split(Rows, PromptOf, 0.25, 42);
        Assert.Equal((45, 15), (train.Count(), held.Count()));
        Assert.Empty(train.Select(PromptOf).Intersect(held.Select(PromptOf)));
        Assert.Equal(Rows.Order(), train.Concat(held).Order());
        Assert.Equal(Rows.Where(train.Contains), train);
        Assert.Equal(Rows.Where(held.Contains), held);
    }

    [Fact]
    public void The_choice_is_the_seeds()
    {
        Assert.Equal(HeldOutSplit.Split(Rows, PromptOf, 0.25, 42).Held, HeldOutSplit.Split(Rows, PromptOf, 0.25, 42).Held);
        Assert.NotEqual(HeldOutSplit.Split(Rows, PromptOf, 0.25, 42).Held, HeldOutSplit.Split(Rows, PromptOf, 0.25, 43).Held);
    }

    [Fact]
    public void The_choice_is_the_prompts_whatever_the_order_of_the_rows_and_the_one_that_aif_makes()
    {
        var held = HeldOutSplit.Split(Rows, PromptOf, 0.25, 42).Held;
        Assert.Equal(held.Order(), HeldOutSplit.Split(Rows.Reverse(), PromptOf, 0.25, 42).Held.Order());
        var split = PromptSplit.Choose(Rows.Select(PromptOf).Select(PromptKey.Of), 0.25, 42);
        Assert.Equal(Rows.Where(row => split.Holds(PromptOf(row))), held);
    }

    [Theory]
    [InlineData(0.001, 1)]
    [InlineData(0.05, 1)]
    [InlineData(0.5, 10)]
    public void A_share_above_nothing_holds_out_at_least_one_prompt(double fraction, int prompts) =>
        Assert.Equal(prompts, HeldOutSplit.Split(Rows, PromptOf, fraction, 42).Held.Select(PromptOf).Distinct().Count());

    [Fact]
    public void Something_is_left_to_train_on() =>
        Assert.Equal("eval_fraction: 0.1 of 1 distinct prompts leaves none to train on; expected more rows, or an eval_dataset",
            Assert.Throws<UserErrorException>(() => HeldOutSplit.Split(["a", "a"], row => row, 0.1, 42)).Message);

    private static string PromptOf(string row) => row[..row.IndexOf(" row", StringComparison.Ordinal)];
}
