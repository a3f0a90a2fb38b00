using System.Text.Json;
using System.Text.Json.Nodes;
using Zephyr.Tests.Cli;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>aif from prompts to pairs over HTTP, as a user runs it.</summary>
public class FromPromptsTests
{
    [Fact]
    public async Task Prompts_become_answers_scores_and_pairs()
    {
        await using var world = await FeedbackWorld.Start(prompts: 12);
        var run = CliRun.Of(world.Args("out"));
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(["audit.json", "completions.jsonl", "test_prefs.jsonl", "test_prefs.parquet", "train_prefs.jsonl", "train_prefs.parquet"], world.Files("out").Keys.Order());
        var rows = File.ReadLines(world.PathOf("out/completions.jsonl")).Select(line => JsonSerializer.Deserialize<JsonElement>(line)).ToList();
        Assert.Equal(Enumerable.Range(0, 12).Select(i => $"What is {i} and {i}?"), rows.Select(row => row.GetProperty("instruction").GetString()));
        foreach (var row in rows)
        {
            var models = row.GetProperty("models").EnumerateArray().Select(model => model.GetString()).ToList();
            Assert.Equal(2, models.Distinct().Count());
            foreach (var (completion, model) in row.GetProperty("completions").EnumerateArray().Zip(models))
            {
                Assert.StartsWith($"{model} on What is ", completion.GetProperty("response").GetString());
                Assert.Contains(completion.GetProperty("principle").GetString(), new[] { "helpfulness", "truthfulness", "honesty", "verbalized_calibration" });
                Assert.NotEmpty(completion.GetProperty("custom_system_prompt").GetString()!);
                Assert.InRange(completion.GetProperty("overall_score").GetDouble(), 1, 10);
            }
        }
        // Each model answers some, and a judge reads every answer: 24 of each.
        Assert.Equal(48, world.Endpoint.Requests.Count);
        Assert.Equal(12, File.ReadLines(world.PathOf("out/train_prefs.jsonl")).Concat(File.ReadLines(world.PathOf("out/test_prefs.jsonl"))).Count());
        var asking = JsonNode.Parse(File.ReadAllText(world.PathOf("out/audit.json")))!["asking"]!;
        Assert.Equal((12, 24, 0, 0), ((int)asking["prompts"]!, (int)asking["answers"]!, (int)asking["failed_answers"]!, (int)asking["failed_judgments"]!));
        var calls = asking["calls"]!.AsArray();
        Assert.Equal(["generate a", "generate b", "generate c", "judge judge"], calls.Select(model => $"{model!["role"]} {model["model"]}"));
        Assert.Equal([24, 24], calls.GroupBy(model => (string)model!["role"]!).Select(role => role.Sum(model => (int)model!["usage"]!["calls"]!)));
        var judged = calls[3]!["usage"]!;
        Assert.Equal((1000m * (long)judged["prompt_tokens"]! + 2000m * (long)judged["completion_tokens"]!) / 1_000_000, (decimal)judged["cost"]!);
        Assert.DoesNotContain("failures.jsonl", world.Files("out").Keys);
    }

    /// <summary>Answers come in another order, the run is stopped by a cap and goes on, and a finished one is made again: the same bytes, and no call is made twice.</summary>
    [Fact]
    public async Task Neither_the_order_of_answers_nor_a_stop_changes_a_byte()
    {
        await using var world = await FeedbackWorld.Start(prompts: 12, delay: number => number * 7 % 13);
        Assert.Equal(0, CliRun.Of(world.Args("straight")).Code);
        var expected = world.Files("straight");
        var calls = world.Asked.Order().ToList();

        Assert.Equal(0, CliRun.Of(world.Args("again")).Code);
        Assert.Equal(expected, world.Files("again"));
        Assert.Equal(calls, world.Asked.Skip(calls.Count).Order());

        world.Endpoint.Requests.Clear();
        foreach (var cap in new[] { 1, 17, 40 })
        {
            var stopped = CliRun.Of(world.Args("stopped", "--max_calls", $"{cap}"));
            Assert.Equal(1, stopped.Code);
            Assert.StartsWith($"zephyr: max_calls: the next call could go over it, so that none is begun: {cap} calls, ", stopped.Error.Split('\n')[^2]);
            Assert.Equal(cap, world.Asked.Count);
            Assert.Equal(["calls.jsonl", "zephyr.log"], Directory.EnumerateFileSystemEntries(world.PathOf("stopped")).Select(Path.GetFileName).Order());
        }
        Assert.Equal(0, CliRun.Of(world.Args("stopped")).Code);
        Assert.Equal(expected, world.Files("stopped"));
        Assert.Equal(calls, world.Asked.Order());

        var refused = CliRun.Of(world.Args("stopped"));
        Assert.Equal(2, refused.Code);
        Assert.Contains("holds a run's output already", refused.Error);
        // Other pairs of the same answers cost nothing.
        Assert.Equal(0, CliRun.Of(world.Args("stopped", "--overwrite_output_dir", "true", "--min_margin", "3")).Code);
        Assert.Equal(calls.Count, world.Asked.Count);
        Assert.Equal(expected["completions.jsonl"], world.Files("stopped")["completions.jsonl"]);
    }

    [Fact]
    public async Task A_judge_that_talks_in_prose_ends_in_no_pair_and_a_reason_for_each()
    {
        await using var world = await FeedbackWorld.Start(prompts: 3, judge: _ => "Once upon a time there was a score.");
        var run = CliRun.Of(world.Args("out", "--max_reasks", "1"));
        Assert.Equal(1, run.Code);
        Assert.StartsWith("zephyr: no pair is left of 3 prompts: fewer_than_two_answers 3 (of 6 answers: no_score 6); of 6 answers 0 could not be had, and 6 questions to the judge came to nothing, "
            + $"{world.PathOf("out/failures.jsonl")} says why (the first: found no ", run.Error);
        Assert.EndsWith($"(asked 2 times)); all calls are kept in {world.PathOf("out")}: the same command with overwrite_output_dir: true and other keys pays for none of them again\n", run.Error);
        Assert.Equal(["audit.json", "completions.jsonl", "failures.jsonl"], world.Files("out").Keys.Order());
        var failures = File.ReadLines(world.PathOf("out/failures.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal(6, failures.Count);
        Assert.All(failures, failure => Assert.Equal("judge", (string)failure["model"]!));
        Assert.All(failures, failure => Assert.EndsWith("(asked 2 times)", (string)failure["reason"]!));
        Assert.All(File.ReadLines(world.PathOf("out/completions.jsonl")), line => Assert.Contains("\"overall_score\":null", line));
        Assert.Equal(6 + 12, world.Asked.Count);
    }

    /// <summary>Everything goes wrong now and then: what can be had is had, the rest has a reason, and nothing is made up or asked twice.</summary>
    [Fact]
    public async Task Every_prompt_ends_answered_or_with_a_reason()
    {
        await using var world = await FeedbackWorld.Start(prompts: 40, fault: async (context, body, number) =>
        {
            // By what is asked, so that it is always the same calls that can never be had.
            if (FakeEndpoint.LastMessage(body) is "What is 3 and 3?" or "What is 7 and 7?")
            {
                await FakeEndpoint.Error(context, 400, "too long");
                return true;
            }
            if (number % 5 == 1) context.Abort();
            else if (number % 5 == 2) await FakeEndpoint.Error(context, 503, "busy");
            return number % 5 is 1 or 2;
        });
        var run = CliRun.Of(world.Args("out", "--stop_after_failures", "0", "--completions_per_prompt", "3", "--endpoints", Patient(world)));
        Assert.True(run.Code == 0, run.Error);
        var rows = File.ReadLines(world.PathOf("out/completions.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
        var failures = File.Exists(world.PathOf("out/failures.jsonl")) ? File.ReadLines(world.PathOf("out/failures.jsonl")).Select(line => JsonNode.Parse(line)!).ToList() : [];
        Assert.Equal(40, rows.Count);
        foreach (var completion in rows.SelectMany(row => row["completions"]!.AsArray()))
            Assert.True(completion!["response"] is not null ^ completion["failure"] is not null, completion.ToJsonString());
        Assert.Equal(6, failures.Count(failure => (string)failure["reason"]! == "HTTP 400: too long"));
        Assert.Equal(failures.Count(failure => ((string)failure["what"]!).StartsWith("answer ", StringComparison.Ordinal)),
            rows.SelectMany(row => row["completions"]!.AsArray()).Count(completion => completion!["failure"] is not null));
        var journal = File.ReadLines(world.PathOf("out/calls.jsonl")).Skip(1).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal(journal.Count, journal.Select(entry => (string)entry["key"]!).Distinct().Count());
        Assert.Equal(120, journal.Count(entry => ((string)entry["purpose"]!).StartsWith("generate/", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task Answers_without_a_judge_that_cannot_be_had_are_a_failed_run_and_some_of_them_a_word()
    {
        var refused = "What is ";
        await using var world = await FeedbackWorld.Start(prompts: 3, fault: async (context, body, _) =>
        {
            if (!FakeEndpoint.LastMessage(body).StartsWith(refused, StringComparison.Ordinal)) return false;
            await FakeEndpoint.Error(context, 400, "too long");
            return true;
        });
        string[] args = [.. world.Args("out", "--retry_failed", "all").Where(word => word is not ("--judge" or "judge"))];
        var none = CliRun.Of(args);
        var (failures, kept) = (world.PathOf("out/failures.jsonl"), $"all calls are kept in {world.PathOf("out")}");
        Assert.Equal((1, $"zephyr: none of 6 answers to 3 prompts could be had, {failures} says why (the first: HTTP 400: too long); {kept}: the same command with overwrite_output_dir: true "
            + "makes only those again that failed for a reason that may pass (retry_failed)\n"), (none.Code, none.Error));
        Assert.Equal(["audit.json", "completions.jsonl", "failures.jsonl"], world.Files("out").Keys.Order());

        refused = "What is 1 ";
        var some = CliRun.Of([.. args, "--overwrite_output_dir", "true"]);
        Assert.Equal(0, some.Code);
        Assert.EndsWith($"\n2 answers could not be had, 0 questions to the judge came to nothing; {failures} says why (the first: HTTP 400: too long); the same command with overwrite_output_dir: true "
            + "makes only those calls again that failed for a reason that may pass (retry_failed)\n", some.Error);
        Assert.Contains($"wrote {failures}\n", some.Output);
    }

    [Fact]
    public async Task Without_a_judge_it_ends_at_answers_which_a_later_run_scores()
    {
        await using var world = await FeedbackWorld.Start(prompts: 5);
        var answers = CliRun.Of([.. world.Args("answers").Where(word => word is not ("--judge" or "judge"))]);
        Assert.True(answers.Code == 0, answers.Error);
        Assert.Equal(["audit.json", "completions.jsonl"], world.Files("answers").Keys.Order());
        Assert.Equal(10, world.Asked.Count);
        Assert.Equal(0, CliRun.Of(world.Args("whole")).Code);
        var scored = CliRun.Of("aif", "--completions", world.PathOf("answers/completions.jsonl"), "--judge", "judge", "--judgments", "overall", "--endpoints", world.PathOf("endpoints.yaml"),
            "--output_dir", world.PathOf("scored"), "--judge_max_new_tokens", "64", "--test_fraction", "0.2", "--ties", "keep", "--rejected", "random_other");
        Assert.True(scored.Code == 0, scored.Error);
        Assert.Equal(world.Files("whole")["completions.jsonl"], world.Files("scored")["completions.jsonl"]);
        Assert.Equal(world.Files("whole")["train_prefs.jsonl"], world.Files("scored")["train_prefs.jsonl"]);
    }

    [Fact]
    public async Task A_dry_run_says_what_it_would_take_and_sends_nothing()
    {
        await using var world = await FeedbackWorld.Start(prompts: 10);
        var run = CliRun.Of(world.Args("out", "--dry-run", "--max_calls", "30"));
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Empty(world.Asked);
        Assert.False(Directory.Exists(world.PathOf("out")));
        var lines = run.Output[run.Output.IndexOf("#\n", StringComparison.Ordinal)..].Split('\n');
        Assert.Equal("# aif --dry-run: every prompt was read, and nothing was sent or written.", lines[1]);
        Assert.Equal($"# prompts          10 of {world.Prompts}", lines[3]);
        Assert.Matches(@"^# in all +40 +0 +[\d,]+ +2,560 +\d\.\d+$", lines.Single(line => line.StartsWith("# in all", StringComparison.Ordinal)));
        Assert.Contains("# max_calls 30 STOPS THE RUN before its end: it takes 40 calls", lines);

        Assert.Equal(1, CliRun.Of(world.Args("out", "--max_calls", "30")).Code);
        var rest = CliRun.Of(world.Args("out", "--dry-run"));
        Assert.Matches(@"\n# in all +10 +30 +", rest.Output);
        Assert.Contains("\n# paid for so far  30 calls, ", rest.Output);
    }

    /// <summary>A folder on this machine answers in batches, is asked once, and is another model when its content changes. What it cannot read is its failure and no fault of the run.</summary>
    [Fact]
    public async Task A_local_model_is_a_member_of_the_pool()
    {
        var stories = SharedFolder.PathOf("models/stories260k");
        await using var world = await FeedbackWorld.Start(prompts: 3);
        File.AppendAllText(world.Prompts, string.Concat(Enumerable.Repeat("Once upon a time ", 200)) + "\n");
        var model = world.PathOf("model");
        Directory.CreateDirectory(model);
        foreach (var name in new[] { "config.json", "model.safetensors", "tokenizer.model", "tokenizer.json", "tokenizer_config.json" }) File.Copy(Path.Combine(stories, name), Path.Combine(model, name));
        string[] args = ["aif", "--prompts", world.Prompts, "--models", $"local:{model}", "--completions_per_prompt", "2", "--max_new_tokens", "16", "--output_dir", world.PathOf("out")];
        var first = CliRun.Of(args);
        Assert.True(first.Code == 0, first.Error);
        var rows = File.ReadLines(world.PathOf("out/completions.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal(4, rows.Count);
        Assert.All(rows[..3].SelectMany(row => row["completions"]!.AsArray()), completion => Assert.NotEmpty((string)completion!["response"]!));
        Assert.Equal(6, rows[..3].SelectMany(row => row["completions"]!.AsArray()).Select(completion => (string)completion!["response"]!).Distinct().Count());
        Assert.All(rows[3]["completions"]!.AsArray(), completion => Assert.Contains("512", (string)completion!["failure"]!));

        var before = File.ReadAllText(world.PathOf("out/calls.jsonl"));
        Assert.Equal(0, CliRun.Of([.. args, "--overwrite_output_dir", "true"]).Code);
        Assert.Equal(before, File.ReadAllText(world.PathOf("out/calls.jsonl")));
        File.AppendAllText(Path.Combine(model, "tokenizer_config.json"), "\n");
        Assert.Equal(0, CliRun.Of([.. args, "--overwrite_output_dir", "true"]).Code);
        Assert.Equal(before.Count(letter => letter == '\n') * 2 - 1, File.ReadLines(world.PathOf("out/calls.jsonl")).Count());
    }

    /// <summary>With waits that a test can wait for.</summary>
    private static string Patient(FeedbackWorld world)
    {
        var file = world.PathOf("patient.yaml");
        File.WriteAllText(file, File.ReadAllText(world.PathOf("endpoints.yaml")).Replace("max_concurrency: 4", "max_concurrency: 16, max_retries: 1", StringComparison.Ordinal));
        return file;
    }
}
