using System.Text.Json;
using Zephyr.Configuration;
using Zephyr.Feedback;
using Zephyr.Feedback.Audit;
using Zephyr.Pipeline;
using Zephyr.Runtime;
using Zephyr.Tests.Cli;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Feedback.Audit;

public sealed class DuplicateDropsTests : IDisposable
{
    private const string Bread = "How do I keep a loaf of bread fresh for a week without a freezer", Tea = "Which tea should be brewed with water that does not boil";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>Whatever the order: of each group the row that comes first stays, so that the same groups keep one each.</summary>
    [Theory]
    [InlineData(0.6)]
    [InlineData(0.7)]
    [InlineData(0.9)]
    public void Of_each_group_the_first_row_stays_in_any_order(double threshold)
    {
        var prompts = PromptFamilies.Random(new SeededRandom(8), families: 30, size: 6);
        var groups = PromptFamilies.GroupsOf(prompts, threshold);
        for (var order = 0; order < 4; order++)
        {
            int[] rows = order == 0 ? [.. Enumerable.Range(0, prompts.Count)] : new SeededRandom(order).Permutation(prompts.Count);
            var drops = DuplicateDrops.Of(new() { NearDuplicates = threshold, OnNearDuplicates = "drop" }, null, rows.Select(row => prompts[row]))!;
            var seen = new HashSet<int>();
            for (var at = 0; at < rows.Length; at++) Assert.Equal(!seen.Add(groups[rows[at]]), drops.Holds(at));
            Assert.InRange(seen.Count, 31, prompts.Count - 10);
        }
    }

    [Fact]
    public void Nothing_is_looked_for_where_they_are_only_told() =>
        Assert.Null(DuplicateDrops.Of(new(), null, Enumerable.Range(0, 1).Select<int, string>(_ => throw new InvalidOperationException("read"))));

    [Theory]
    [InlineData("report", 6, 0)]
    [InlineData("drop", 3, 3)]
    public void Rows_that_say_nearly_the_same_give_no_pair_where_that_is_asked_for(string what, int pairs, int dropped)
    {
        var audit = Run(what, Bread, Tea, Bread.ToUpperInvariant() + "?!", "Something else", Bread, $"{Tea} at all").Audit;
        Assert.Equal((6, 1, pairs, dropped), (audit.Rows, audit.RepeatedPrompts, audit.Pairs, audit.DroppedPrompts[PromptDrop.NearDuplicate]));
        Assert.Equal((2, 1, 1), (audit.Duplicates!.SameWords, audit.Duplicates.NearDuplicates, audit.Duplicates.Groups));
        string[] all = [Bread, Tea, Bread.ToUpperInvariant() + "?!", "Something else", Bread, $"{Tea} at all"];
        Assert.Equal(what == "drop" ? [all[0], all[1], all[3]] : all, Prompts());
    }

    [Fact]
    public void Which_row_stays_goes_by_the_order_of_the_rows_and_how_many_do_does_not()
    {
        string[] all = [Bread, Tea, $"{Bread} please", "Something else", $"{Tea} at all"];
        var forward = Run("drop", all).Audit;
        Assert.Equal([Bread, Tea, "Something else"], Prompts());
        var backward = Run("drop", [.. all.Reverse()]).Audit;
        Assert.Equal([$"{Tea} at all", "Something else", $"{Bread} please"], Prompts());
        Assert.Equal(forward.Pairs, backward.Pairs);
        Assert.Equal(forward.DroppedPrompts, backward.DroppedPrompts);
        Assert.Equal(forward.Duplicates! with { First = [] }, backward.Duplicates! with { First = [] });
    }

    /// <summary>The first of a group occurs in an evaluation set: the next one takes its place.</summary>
    [Fact]
    public void A_row_that_gives_no_pair_for_its_prompts_own_sake_keeps_no_other_one_away()
    {
        var evaluation = _folder.Write("eval.jsonl", JsonSerializer.Serialize(new { question = $"{Bread} at home" }));
        var audit = Run("drop", [$"{Bread} at home", Bread, $"{Bread} please"], "--decontaminate", evaluation, "--decontaminate_ngram", "16").Audit;
        Assert.Equal((1, 1, 1), (audit.Pairs, audit.DroppedPrompts[PromptDrop.InEvaluationSet], audit.DroppedPrompts[PromptDrop.NearDuplicate]));
        Assert.Equal([Bread], Prompts());
    }

    [Fact]
    public void Before_a_run_a_rehearsal_and_an_inspection_say_the_same()
    {
        var feedback = Feedback(Bread, $"{Bread} please", Tea);
        var plan = CliRun.Of("aif", "--feedback", feedback, "--on_near_duplicates", "drop", "--output_dir", _folder.PathOf("out"), "--dry-run");
        Assert.Matches(@"\n# pairs +2\n", plan.Output);
        Assert.Matches(@"\n# prompt without a pair: near duplicate +1\n", plan.Output);
        var shown = CliRun.Of("inspect", "data", "--stage", "aif", "--feedback", feedback, "--on_near_duplicates", "drop", "--start", "2", "--rows", "1");
        Assert.StartsWith($"example 2: {feedback}, line 2: no pair: near duplicate\n", shown.Output);
    }

    [Fact]
    public void To_drop_what_is_not_looked_for_is_refused() =>
        Assert.Equal(
            [new("on_near_duplicates", "drop needs near_duplicates above 0, the similarity to look for (was 0)")],
            new AuditOptions { NearDuplicates = 0, OnNearDuplicates = "drop" }.Validate());

    private IReadOnlyList<string> Prompts() =>
        [.. File.ReadLines(_folder.PathOf("out/train_prefs.jsonl")).Select(line => JsonSerializer.Deserialize<JsonElement>(line).GetProperty("prompt").GetString()!)];

    private AiFeedbackResult Run(string what, params string[] prompts) => Run(what, prompts, []);

    private AiFeedbackResult Run(string what, string[] prompts, params string[] more)
    {
        var keys = more.Chunk(2).Select(option => new ConfigOverride(option[0][2..], option[1]));
        return AiFeedback.Run(ConfigReader.ReadText<AifConfig>($$"""
            feedback: {{Feedback(prompts)}}
            test_fraction: 0
            on_near_duplicates: {{what}}
            overwrite_output_dir: true
            output_dir: {{_folder.PathOf("out")}}
            """, "aif.yaml", [.. keys]), cancel: TestContext.Current.CancellationToken);
    }

    private string Feedback(params string[] prompts) => _folder.Write("feedback.jsonl", string.Join('\n', prompts.Select(prompt => JsonSerializer.Serialize(new
    {
        instruction = prompt,
        completions = new[] { new { model = "a", response = "A", overall_score = 5 }, new { model = "b", response = "B", overall_score = 4 } },
    }))));
}
