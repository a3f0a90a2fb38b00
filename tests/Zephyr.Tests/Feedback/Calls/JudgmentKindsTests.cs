using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Zephyr.Tests.Cli;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Feedback.Calls;

/// <summary>aif from answers to pairs as a user runs it, with each kind of judgment, by a judge over HTTP and by one in a folder.</summary>
public sealed partial class JudgmentKindsTests : IDisposable
{
    private const int Prompts = 12, Answers = 3;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>The judge says of each answer what stands in it: scores and pairs are those that were put in.</summary>
    [Theory]
    [InlineData("aspects", 4 * Prompts)]
    [InlineData("overall", Answers * Prompts)]
    [InlineData("pairwise", Answers * (Answers - 1) * Prompts)]
    public async Task A_judge_over_http_gives_the_scores_that_it_was_told(string judgments, int calls)
    {
        await using var judge = await FakeEndpoint.Start((context, body, _) => FakeEndpoint.Answer(context, Judgment(judgments, FakeEndpoint.LastMessage(body))));
        var run = Run(judgments, $"{judge.BaseUrl}#j");
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(calls, judge.Requests.Count);
        foreach (var (row, prompt) in Rows("completions.jsonl").Zip(Enumerable.Range(0, Prompts)))
            Assert.Equal(Enumerable.Range(0, Answers).Select(answer => Expected(judgments, prompt, answer)), row["completions"]!.AsArray().Select(completion => Score(judgments, completion!)));
        var pairs = Rows("train_prefs.jsonl");
        Assert.Equal(Prompts, pairs.Count);
        foreach (var (pair, prompt) in pairs.Zip(Enumerable.Range(0, Prompts)))
        {
            var byQuality = Enumerable.Range(0, Answers).OrderByDescending(answer => Quality(prompt, answer)).ToList();
            Assert.Equal(($"query {prompt}", $"m{byQuality[0]}", $"m{byQuality[^1]}"), ((string)pair["prompt"]!, (string)pair["model_chosen"]!, (string)pair["model_rejected"]!));
            Assert.Equal((Expected(judgments, prompt, byQuality[0]), Expected(judgments, prompt, byQuality[^1])), ((double)pair["score_chosen"]!, (double)pair["score_rejected"]!));
        }
    }

    /// <summary>A folder says the same to everything: one score for all, or always the first place, and both are what is written.</summary>
    [Theory]
    [InlineData("overall", "Score: 7", 7, Answers * Prompts)]
    [InlineData("pairwise", "Verdict: A", 0.5, Answers * (Answers - 1) * Prompts)]
    public void A_judge_on_this_machine_is_taken_at_its_word(string judgments, string says, double score, int calls)
    {
        var run = Run(judgments, $"local:{ChainModel.Saying(_folder.PathOf("judge"), says)}");
        Assert.True(run.Code == 0, run.Error);
        Assert.All(Rows("completions.jsonl").SelectMany(row => row["completions"]!.AsArray()), completion => Assert.Equal(score, Score(judgments, completion!)));
        Assert.All(Rows("train_prefs.jsonl"), pair => Assert.Equal((score, score), ((double)pair["score_chosen"]!, (double)pair["score_rejected"]!)));
        Assert.Equal(Prompts, Rows("train_prefs.jsonl").Count);
        var audit = JsonNode.Parse(File.ReadAllText(_folder.PathOf("out/audit.json")))!;
        Assert.Equal((0, calls), ((int)audit["asking"]!["failed_judgments"]!, (int)audit["asking"]!["calls"]![0]!["usage"]!["calls"]!));
        if (judgments != "pairwise") return;
        // Every comparison was won by whichever answer stood first, which the audit tells.
        Assert.All(Rows("completions.jsonl").SelectMany(row => row["completions"]!.AsArray()).SelectMany(completion => completion!["comparisons"]!.AsArray()),
            comparison => Assert.Equal((int)comparison!["Position"]! == 1 ? 1.0 : 0, (double)comparison["Points"]!));
        Assert.InRange((double)audit["position"]![0]!["test"]!["p_value"]!, 0, 1e-6);
    }

    /// <summary>One rating where three answers were shown is no judgment of any of them.</summary>
    [Fact]
    public void A_judge_on_this_machine_that_keeps_to_no_form_is_recorded_as_failed()
    {
        var run = Run("aspects", $"local:{ChainModel.Saying(_folder.PathOf("judge"), "Rating: 4")}", "--max_reasks", "1");
        Assert.Equal(1, run.Code);
        Assert.StartsWith($"zephyr: no pair is left of {Prompts} prompts: fewer_than_two_answers {Prompts} (of {Answers * Prompts} answers: no_score {Answers * Prompts}); of {Answers * Prompts} answers 0 could not be had, and {4 * Prompts} questions to the judge came to nothing, ", run.Error.Split('\n')[^2]);
        var failures = Rows("failures.jsonl");
        Assert.Equal(4 * Prompts, failures.Count);
        Assert.All(failures, failure => Assert.EndsWith("(asked 2 times)", (string)failure["reason"]!));
        Assert.All(Rows("completions.jsonl").SelectMany(row => row["completions"]!.AsArray()).SelectMany(completion => completion!["annotations"]!.AsObject()), aspect => Assert.Null(aspect.Value!["Rating"]));
    }

    private CliRun Run(string judgments, string judge, params string[] more) => CliRun.Of(["aif", "--completions", Completions(), "--judge", judge, "--judgments", judgments, "--rejected", "lowest", "--ties", "keep",
        "--test_fraction", "0", "--formats", "jsonl", "--output_dir", _folder.PathOf("out"), .. more]);

    private string Completions() => _folder.Write("answers.jsonl", string.Concat(Enumerable.Range(0, Prompts).Select(prompt => JsonSerializer.Serialize(new
    {
        instruction = $"query {prompt}",
        completions = Enumerable.Range(0, Answers).Select(answer => new { model = $"m{answer}", response = $"reply {answer} of quality {Quality(prompt, answer)}" }),
    }) + "\n")));

    /// <summary>1 to 5, another one for each answer to a prompt.</summary>
    private static int Quality(int prompt, int answer) => 1 + (prompt + 2 * answer) % 5;

    private static double Expected(string judgments, int prompt, int answer) => judgments == "pairwise"
        ? Enumerable.Range(0, Answers).Count(other => Quality(prompt, other) < Quality(prompt, answer)) / (Answers - 1.0) : Quality(prompt, answer);

    private static double Score(string judgments, JsonNode completion) => (double)completion[judgments switch { "aspects" => "fine-grained_score", "overall" => "overall_score", _ => "win_rate" }]!;

    private List<JsonNode> Rows(string name) => [.. File.ReadLines(_folder.PathOf($"out/{name}")).Select(line => JsonNode.Parse(line)!)];

    /// <summary>What a judge says that sees the quality.</summary>
    private static string Judgment(string judgments, string question)
    {
        var shown = Shown().Matches(question).ToDictionary(match => match.Groups[1].Value.Trim(), match => int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture));
        return judgments switch
        {
            "aspects" => string.Join('\n', shown.Select(answer => $"Answer {answer.Key}: {answer.Value}")),
            "overall" => $"[[{shown.Values.Single()}]]",
            _ => shown["A"] > shown["B"] ? "[[A]]" : "[[B]]",
        };
    }

    [GeneratedRegex(@"<<<ANSWER( \w)? \w{12}>>>\nreply \d of quality (\d)")]
    private static partial Regex Shown();
}
