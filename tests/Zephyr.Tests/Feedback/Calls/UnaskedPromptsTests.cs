using System.Text.Json;
using System.Text.Json.Nodes;
using Zephyr.Tests.Cli;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>Prompts that give no pair whatever is answered: nobody is asked about them.</summary>
public class UnaskedPromptsTests
{
    /// <summary>The same prompt in two rows is one prompt; one that occurs in an evaluation set, or is blank, is not paid for.</summary>
    [Fact]
    public async Task Prompts_that_can_give_no_pair_are_not_paid_for()
    {
        await using var world = await FeedbackWorld.Start(prompts: 4);
        File.AppendAllText(world.Prompts, "What is 0 and 0?\n   \n");
        File.WriteAllText(world.PathOf("eval.jsonl"), """{"question": "What is 2 and 2?"}""" + "\n");
        var run = CliRun.Of(world.Args("out", "--decontaminate", world.PathOf("eval.jsonl"), "--decontaminate_ngram", "5", "--max_prompts", "3"));
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(8, world.Asked.Count);
        Assert.Equal(3, File.ReadLines(world.PathOf("out/completions.jsonl")).Count());
        Assert.DoesNotContain(world.Asked, request => request.Contains("What is 2 and 2?", StringComparison.Ordinal));
    }

    /// <summary>Of prompts that are nearly the same the first is asked; the others have a row without answers and no pair, and nothing is paid for them.</summary>
    [Fact]
    public async Task Near_duplicates_that_are_dropped_are_not_paid_for()
    {
        await using var world = await FeedbackWorld.Start(prompts: 3);
        File.AppendAllText(world.Prompts, "what is 1 AND 1\nTell me what is 2 and 2? Tell me what is 2 and 3?\nTell me what is 2 and 2? Tell me what is 2 and 3, please!\n");
        Assert.Equal(0, CliRun.Of(world.Args("all")).Code);
        Assert.Equal(24, world.Asked.Count);
        world.Endpoint.Requests.Clear();
        var dry = CliRun.Of(world.Args("out", "--on_near_duplicates", "drop", "--dry-run"));
        Assert.Matches(@"\n# in all +16 +0 +", dry.Output);
        var run = CliRun.Of(world.Args("out", "--on_near_duplicates", "drop"));
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(16, world.Asked.Count);
        var rows = File.ReadLines(world.PathOf("out/completions.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal([2, 2, 2, 0, 2, 0], rows.Select(row => row["completions"]!.AsArray().Count));
        var audit = JsonNode.Parse(File.ReadAllText(world.PathOf("out/audit.json")))!;
        Assert.Equal((6, 4, 2), ((int)audit["rows"]!, (int)audit["pairs"]!, (int)audit["dropped_prompts"]!["near_duplicate"]!));
    }

    /// <summary>Answers that are there, of prompts that give no pair: the judge is not asked about them, and the reason stands in the place of each judgment.</summary>
    [Fact]
    public async Task Answers_to_prompts_that_give_no_pair_are_not_judged()
    {
        await using var world = await FeedbackWorld.Start(prompts: 1, judge: words => words.Contains("ANSWER A", StringComparison.Ordinal) ? "[[A]]"
            : words.Contains("ANSWER 2", StringComparison.Ordinal) ? "Answer 1: 4\nAnswer 2: 3" : "[[5]]");
        File.WriteAllText(world.PathOf("eval.jsonl"), """{"question": "What is 2 and 2?"}""" + "\n");
        File.WriteAllLines(world.PathOf("answers.jsonl"), new[] { "What is 1 and 1?", "What is 2 and 2?", "what is 1 and 1", " " }.Select(prompt =>
            JsonSerializer.Serialize(new { instruction = prompt, completions = new[] { new { model = "a", response = "A" }, new { model = "b", response = "B" } } })));
        var run = CliRun.Of("aif", "--completions", world.PathOf("answers.jsonl"), "--judge", "judge", "--judgments", "[aspects, overall, pairwise]", "--aspects", "[honesty]", "--endpoints",
            world.PathOf("endpoints.yaml"), "--output_dir", world.PathOf("out"), "--decontaminate", world.PathOf("eval.jsonl"), "--decontaminate_ngram", "5", "--on_near_duplicates", "drop");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(1 + 2 + 2, world.Asked.Count);
        var rows = File.ReadLines(world.PathOf("out/completions.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
        foreach (var (row, reason) in rows.Skip(1).Zip(["the prompt occurs in an evaluation set", "the prompt is nearly the same as an earlier one", "the prompt has no text"]))
            foreach (var completion in row["completions"]!.AsArray())
            {
                Assert.Equal(($"not asked: {reason}", $"not asked: {reason}"), ((string)completion!["annotations"]!["honesty"]!["Failure"]!, (string)completion["overall_failure"]!));
                Assert.Equal((null, null, null), (completion["annotations"]!["honesty"]!["Rating"], completion["overall_score"], completion["win_rate"]));
            }
        var dropped = JsonNode.Parse(File.ReadAllText(world.PathOf("out/audit.json")))!["dropped_prompts"]!;
        Assert.Equal((1, 1, 1, 0), ((int)dropped["in_evaluation_set"]!, (int)dropped["near_duplicate"]!, (int)dropped["empty_prompt"]!, (int)dropped["fewer_than_two_answers"]!));
        Assert.DoesNotContain("failures.jsonl", world.Files("out").Keys);
    }
}
