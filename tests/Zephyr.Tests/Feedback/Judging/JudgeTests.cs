using System.Text;
using System.Text.Json;
using Zephyr.Configuration;
using Zephyr.Data.Sources;
using Zephyr.Feedback;
using Zephyr.Feedback.Calls;
using Zephyr.Feedback.Judging;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Feedback.Judging;

public sealed class JudgeTests : IDisposable
{
    private static readonly AnsweredPrompt Prompt = new("Q \"1\"?", [new("m0", "worth 2"), new("m1", " ", "honesty"), new("m2", "worth 5", "truthfulness", "Be true."), new("m3", "", Failure: "no answer: timed out"), new("m4", "worth 4")], "source");

    private static readonly CancellationToken None = TestContext.Current.CancellationToken;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task What_is_judged_here_becomes_a_pair_through_the_same_code_as_a_downloaded_row()
    {
        var judged = await Judge(new ScriptedCalls(Honest)).Of(Prompt, None);
        var outcome = Build(judged, "mean_rating");
        Assert.Equal(("worth 5", 5.0), (outcome.Pair!.Chosen.Completion.Response, outcome.Pair.Chosen.Score));
        Assert.Equal([AnswerDrop.EmptyAnswer, AnswerDrop.EmptyAnswer], outcome.DroppedAnswers);
        Assert.Equal([2, 5, 4], outcome.Candidates.Select(candidate => candidate.Score));
        foreach (var (score, expected) in new[] { ("fine-grained_score", new[] { 2, 5, 4.0 }), ("overall_score", [4, 10, 8]), ("win_rate", [0, 1, 0.5]) })
            Assert.Equal(expected, Build(judged, score).Candidates.Select(candidate => candidate.Score));
        Assert.Empty(judged.Failures);
        // Four aspects, three answers, three pairs in both orders.
        Assert.Equal(4 + 3 + 6, judged.Asked);
    }

    [Fact]
    public async Task The_places_at_which_the_judge_saw_the_answers_are_in_the_row()
    {
        var calls = new ScriptedCalls(Honest);
        var judged = await Judge(calls).Of(Prompt, None);
        foreach (var aspect in new[] { "honesty", "helpfulness" })
        {
            var shown = ScriptedCalls.Shown(calls.Asked.Single(call => call.Purpose.Contains(aspect, StringComparison.Ordinal)));
            foreach (var (answer, judgment) in Prompt.Answers.Zip(judged.Answers))
                Assert.Equal(answer.IsBlank ? null : Array.IndexOf(shown, answer.Text) + 1, judgment.Aspects.Single(rated => rated.Key == aspect).Value.Position);
        }
    }

    [Fact]
    public async Task A_failed_judgment_is_in_the_row_with_its_reason_and_counts_as_missing()
    {
        var judged = await Judge(new ScriptedCalls(call => call.Purpose.Contains("honesty", StringComparison.Ordinal) ? new("I will not.") : Honest(call)), ["aspects"]).Of(Prompt, None);
        Assert.Equal([new JudgeFailure("honesty", "found no rating, expected one rating for each of the answers 1 to 3 (asked 3 times)")], judged.Failures);
        using var row = JsonDocument.Parse(Row(judged));
        var honesty = row.RootElement.GetProperty("completions")[0].GetProperty("annotations").GetProperty("honesty");
        Assert.Equal((JsonValueKind.Null, judged.Failures[0].Reason), (honesty.GetProperty("Rating").ValueKind, honesty.GetProperty("Failure").GetString()!));
        Assert.Equal([1, 1, 1], Build(judged, "mean_rating").Candidates.Select(candidate => candidate.DroppedRatings));
    }

    [Fact]
    public async Task The_row_is_raw_UltraFeedbacks_to_the_letter()
    {
        var prompt = new AnsweredPrompt("Q?", [new("m0", "worth 2", "honesty", "Be honest.")], "evol");
        var judged = await Judge(new ScriptedCalls(call => call.Purpose.Contains("truthfulness", StringComparison.Ordinal)
            ? new("""{"ratings": [{"answer": 1, "rationale": "fiction", "rating": "N/A"}]}""") : Honest(call))).Of(prompt, None);
        Assert.Equal(
            """
            {"source":"evol","instruction":"Q?","models":["m0"],"judge":"teacher","completions":[{"model":"m0","principle":"honesty","custom_system_prompt":"Be honest.","response":"worth 2","annotations":{"instruction_following":{"Rating":"2","Rationale":"it says worth 2","Position":1},"truthfulness":{"Rating":"N/A","Rationale":"fiction","Position":1},"honesty":{"Rating":"2","Rationale":"it says worth 2","Position":1},"helpfulness":{"Rating":"2","Rationale":"it says worth 2","Position":1}},"fine-grained_score":2,"critique":"it says worth 2","overall_score":4,"comparisons":[],"win_rate":null}]}

            """, Row(judged));
    }

    [Fact]
    public async Task Without_an_answer_nothing_is_asked()
    {
        var calls = new ScriptedCalls(Honest);
        var judged = await Judge(calls).Of(new("Q", [new("m0", ""), new("m1", "\n")]), None);
        Assert.Empty(calls.Asked);
        Assert.Equal(0, judged.Asked);
        Assert.Equal("no pair", Build(judged, "mean_rating").Pair is null ? "no pair" : "a pair");
    }

    [Fact]
    public async Task The_questions_that_are_estimated_are_those_that_are_asked()
    {
        var calls = new ScriptedCalls(Honest);
        var judge = Judge(calls);
        await judge.Of(Prompt, None);
        Assert.Equal(judge.Questions(Prompt).Select(Text).Order(), calls.Asked.Select(Text).Order());
        Assert.Equal(calls.Asked.Count, calls.Asked.Select(call => call.Purpose).Distinct().Count());

        static string Text(ModelCall call) => $"{call.Purpose}\n{string.Join('\n', call.Messages)}\n{call.Options}";
    }

    [Fact]
    public async Task A_judge_that_always_prefers_the_first_place_wins_nobody_anything()
    {
        var judged = await Judge(new ScriptedCalls(call => call.Purpose.Contains("pairwise", StringComparison.Ordinal) ? new("[[A]]") : Honest(call)), ["pairwise"]).Of(Prompt, None);
        Assert.Equal([0.5, 0.5, 0.5], Build(judged, "win_rate").Candidates.Select(candidate => candidate.Score));
        var verdict = await new PairwiseJudge(new Inquiry(new ScriptedCalls(_ => new("[[A]]")), RubricSet.Default, new("teacher", 1))).Compare("judge/x", "Q", "a", "b", None);
        Assert.Equal((1.0, 0.0, 0.5, false), (verdict.ForwardPoints, verdict.ReversedPoints, verdict.Points, verdict.IsConsistent));
    }

    [Fact]
    public async Task A_comparison_without_one_of_its_verdicts_is_none()
    {
        var compared = await new PairwiseJudge(new Inquiry(new ScriptedCalls(call => new(call.Purpose.Contains("/forward", StringComparison.Ordinal) ? "[[A]]" : "hm")), RubricSet.Default, new("teacher", 1)))
            .Compare("judge/x", "Q", "a", "b", None);
        Assert.Equal((1.0, null, null, null, "found no verdict, expected a verdict: A, B or tie (asked 3 times)"),
            (compared.ForwardPoints, compared.ReversedPoints, compared.Points, compared.IsConsistent, compared.Failure));
    }

    [Theory]
    [InlineData(1, false, "grade")]
    [InlineData(1, true, "grade_reference")]
    [InlineData(2, false, "grade_second_turn")]
    [InlineData(2, true, "grade_second_turn_reference")]
    public async Task Grades_are_asked_by_turn_and_with_references_where_there_are_any(int turns, bool withReference, string rubric)
    {
        var calls = ScriptedCalls.InTurn("Rating: [[7]]");
        var grade = await new AnswerGrader(new Inquiry(calls, RubricSet.Default, new("teacher", 1))).Grade("judge/grade/m/81/1",
            [.. Enumerable.Range(1, turns).Select(i => new GradedTurn($"question {i}", $"answer {i}", withReference ? $"reference {i}" : null))], None);
        Assert.Equal(7, grade.Value!.Value);
        var user = calls.Asked[0].Messages[1].Content;
        foreach (var i in Enumerable.Range(1, turns))
            foreach (var (word, there) in new[] { ("question", true), ("answer", true), ("reference", withReference) })
                Assert.Equal(there, user.Contains($">>>\n{word} {i}\n<<<", StringComparison.Ordinal));
        var first = File.ReadLines(Path.Combine(SharedFolder.RepositoryRoot, "src/Zephyr.Core/Feedback/Judging/DefaultRubrics", rubric + ".txt")).SkipWhile(line => line != "=== user").ElementAt(1);
        Assert.StartsWith(first, user, StringComparison.Ordinal);
    }

    private PairOutcome Build(JudgedPrompt judged, string score) =>
        new PairBuilder(new() { Score = score }, 42).Build(FeedbackSchema.Read([_folder.Write("completions.jsonl", Row(judged))]).Single());

    private static string Row(JudgedPrompt judged)
    {
        using var stream = new MemoryStream();
        FeedbackRowJson.Write(stream, judged);
        return Encoding.UTF8.GetString(stream.ToArray());
    }

    private static Judge Judge(ScriptedCalls calls, string[]? judgments = null) =>
        new(calls, RubricSet.Default, new JudgingOptions { Judgments = judgments ?? ["aspects", "overall", "pairwise"] }, "teacher", 42);

    /// <summary>A judge that goes by the number that each answer carries, wherever it stands.</summary>
    private static CallAnswer Honest(ModelCall call)
    {
        var shown = ScriptedCalls.Shown(call);
        int Worth(int i) => shown[i][^1] - '0';
        return new(call.Purpose.Split('/')[1] switch
        {
            "overall" => $$"""{"critique": "it says {{shown[0]}}", "score": {{2 * Worth(0)}}}""",
            "pairwise" => $$"""{"rationale": "by number", "verdict": "{{(Worth(0) > Worth(1) ? "A" : Worth(0) < Worth(1) ? "B" : "tie")}}"}""",
            _ => JsonSerializer.Serialize(new { ratings = shown.Select((said, i) => new { answer = i + 1, rationale = $"it says {said}", rating = $"{Worth(i)}" }) }),
        });
    }
}
