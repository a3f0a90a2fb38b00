using System.Text.Json;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Feedback.Calls;

namespace Zephyr.Tests.Cli;

/// <summary>zephyr eval winrate and zephyr eval mtbench, over real HTTP to a judge that follows a rule.</summary>
public sealed class JudgedEvalTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public async Task A_win_rate_is_asked_in_both_orders_once_and_goes_on_from_its_journal()
    {
        await using var judge = await FakeEndpoint.Start((context, body, _) => FakeEndpoint.Answer(context, VerdictByMark(FakeEndpoint.LastMessage(body))));
        string[] args = ["eval", "winrate", "--answers", Answers("model", ["GOOD", "GOOD", "plain", "GOOD"]), "--baseline_answers", Answers("baseline", ["plain", "plain", "GOOD", "GOOD"]),
            "--judge", $"{judge.BaseUrl}#j", "--output_dir", _folder.PathOf("out"), "--quiet", "--json", "--max_reasks", "0"];
        var dry = await Run([.. args, "--dry-run"]);
        Assert.Equal(0, dry.Code);
        Assert.Equal(8, JsonDocument.Parse(dry.Output).RootElement.GetProperty("models")[0].GetProperty("ahead").GetProperty("calls").GetInt32());
        Assert.False(Directory.Exists(_folder.PathOf("out")));

        var run = await Run(args);
        Assert.Equal((0, ""), (run.Code, run.Error));
        var all = JsonDocument.Parse(run.Output).RootElement.GetProperty("all");
        // Two wins, a loss, and a prompt on which the answers are alike and the judge takes the first: 2.5 of 4.
        Assert.Equal((4, 2, 1, 1), (Int(all, "prompts"), Int(all, "wins"), Int(all, "losses"), Int(all, "ties")));
        Assert.Equal(62.5, all.GetProperty("win").GetProperty("value").GetDouble());
        Assert.Equal((0.75, 0.625), (all.GetProperty("consistency").GetDouble(), all.GetProperty("first_place_share").GetDouble()));
        Assert.Equal(8, judge.Requests.Count);
        Assert.Equal(4, File.ReadLines(_folder.PathOf("out/judgments.jsonl")).Count());

        var again = await Run(args);
        Assert.Equal(8, judge.Requests.Count);
        Assert.Equal(run.Output, again.Output);
        Assert.Equal(all.GetRawText(), JsonDocument.Parse(File.ReadAllText(_folder.PathOf("out/winrate.json"))).RootElement.GetProperty("all").GetRawText());
        var record = JsonDocument.Parse(run.Output).RootElement.GetProperty("record");
        Assert.Equal($"{judge.BaseUrl}#j", record.GetProperty("settings").GetProperty("judge").GetString());
        Assert.Equal((_folder.PathOf("model.jsonl"), _folder.PathOf("baseline.jsonl"), 0), (record.GetProperty("answers").GetProperty("files")[0].GetString(),
            record.GetProperty("baseline").GetProperty("files")[0].GetString(), record.GetProperty("settings").GetProperty("max_reasks").GetInt32()));
        var table = await Run([.. args.Where(word => word != "--json")]);
        Assert.Matches(@"all\s+4\s+62\.50", table.Output);
    }

    [Fact]
    public async Task What_a_judge_does_not_say_in_form_is_a_failure_and_no_verdict()
    {
        await using var judge = await FakeEndpoint.Start((context, _, _) => FakeEndpoint.Answer(context, "I like both."));
        var run = await Run("eval", "winrate", "--answers", Answers("model", ["a"]), "--baseline_answers", Answers("baseline", ["b"]), "--judge", $"{judge.BaseUrl}#j",
            "--output_dir", _folder.PathOf("out"), "--quiet", "--max_reasks", "1");
        Assert.Equal((1, "zephyr: there is no figure, as nothing was judged: 1 failed, the first with: "), (run.Code, run.Error[..77]));
        Assert.EndsWith($"; {_folder.PathOf("out/judgments.jsonl")} says why, and all calls are kept: the same command with another judge, rubrics or max_reasks pays for no answer again\n", run.Error);
        Assert.Contains("no prompt has a verdict", run.Output);
        Assert.Contains("found no verdict, expected a verdict: A, B or tie", run.Output);
        Assert.Equal(4, judge.Requests.Count);
        // A table without a figure would say nothing.
        Assert.DoesNotContain("win rate", run.Output);
        Assert.Contains("failed: prompt 1 (", run.Output);
    }

    [Fact]
    public async Task MT_Bench_grades_two_turns_of_generated_answers()
    {
        await using var model = await FakeEndpoint.Start((context, body, _) => FakeEndpoint.Answer(context, $"answer {body.GetProperty("messages").GetArrayLength()}"));
        await using var judge = await FakeEndpoint.Start((context, body, _) => FakeEndpoint.Answer(context, FakeEndpoint.LastMessage(body).Contains("answer 3", StringComparison.Ordinal) ? "Rating: [[4]]" : "Rating: [[8]]"));
        var questions = _folder.Write("questions.jsonl", """
            {"question_id": 1, "category": "math", "turns": ["What is 2 + 2?", "And plus 1?"], "reference": ["REF-FOUR", "REF-FIVE"]}
            {"question_id": 2, "category": "writing", "turns": ["Write a line.", "Another."]}
            """);
        string[] args = ["eval", "mtbench", "--questions", questions, "--model", $"{model.BaseUrl}#m", "--judge", $"{judge.BaseUrl}#j", "--output_dir", _folder.PathOf("out"), "--quiet", "--json"];
        var run = await Run(args);
        Assert.Equal((0, ""), (run.Code, run.Error));
        var all = JsonDocument.Parse(run.Output).RootElement.GetProperty("table").GetProperty("all");
        Assert.Equal((8.0, 4.0, 6.0), (all.GetProperty("turn1").GetDouble(), all.GetProperty("turn2").GetDouble(), all.GetProperty("mean").GetProperty("value").GetDouble()));
        Assert.Equal((4, 4), (model.Requests.Count, judge.Requests.Count));
        Assert.Equal(2, judge.Requests.Count(request => FakeEndpoint.LastMessage(request).Contains("REF-FOUR", StringComparison.Ordinal)));
        Assert.Equal([0, 0, 0.7, 0.7], model.Requests.Select(request => Math.Round(request.GetProperty("temperature").GetDouble(), 6)).Order());
        var answers = _folder.PathOf("out/answers.jsonl");
        Assert.Equal(2, File.ReadLines(answers).Count());
        // Numbers as in the questions: MT-Bench's own program finds answers by them.
        Assert.All(File.ReadLines(answers).Concat(File.ReadLines(_folder.PathOf("out/judgments.jsonl"))), line => Assert.Equal(JsonValueKind.Number, JsonDocument.Parse(line).RootElement.GetProperty("question_id").ValueKind));
        await Run(args);
        Assert.Equal((4, 4), (model.Requests.Count, judge.Requests.Count));
        // What was answered can be judged again, by itself.
        var judged = await Run("eval", "mtbench", "--questions", questions, "--answers", answers, "--judge", $"{judge.BaseUrl}#j", "--output_dir", _folder.PathOf("other"), "--quiet");
        Assert.Matches(@"all\s+2\s+8\.00\s+4\.00\s+6\.00", judged.Output);
        Assert.Equal(4, model.Requests.Count);
    }

    [Fact]
    public async Task A_grading_without_any_score_is_a_failed_run_and_what_is_missing_is_told()
    {
        await using var judge = await FakeEndpoint.Start((context, _, _) => FakeEndpoint.Answer(context, "A fine answer."));
        var questions = _folder.Write("questions.jsonl", """{"question_id": 7, "category": "math", "turns": ["What is 2 + 2?"]}""");
        var answers = _folder.Write("answers.jsonl", """{"question_id": 7, "choices": [{"index": 0, "turns": ["4"]}]}""");
        string[] args = ["eval", "mtbench", "--questions", questions, "--answers", answers, "--judge", $"{judge.BaseUrl}#j", "--output_dir", _folder.PathOf("out"), "--max_reasks", "1"];
        const string Unreferenced = "graded without a right answer, as references has none: 1 of the questions of math, the first of them question 7\n";
        var dry = await Run([.. args, "--dry-run", "--max_calls", "1"]);
        Assert.EndsWith($"nothing was sent or written\na judge whose answer cannot be read is asked again, up to 1 time: that comes on top\n{Unreferenced}", dry.Output);
        var run = await Run(args);
        Assert.Equal(1, run.Code);
        Assert.StartsWith(Unreferenced, run.Error);
        Assert.Contains("zephyr: there is no figure, as nothing was judged: 1 failed, the first with: question 7, turn 1: ", run.Error);
    }

    [Fact]
    public async Task A_dry_run_names_keys_that_are_not_there_and_caps_that_it_may_reach()
    {
        var endpoints = _folder.Write("endpoints.yaml", "j: {base_url: 'http://127.0.0.1:9/v1', api_key_env: ZEPHYR_TEST_NO_SUCH_KEY, price_per_million_prompt_tokens: 5}\n");
        var run = await Run("eval", "winrate", "--answers", Answers("model", ["a"]), "--baseline_answers", Answers("baseline", ["b"]), "--judge", "j", "--endpoints", endpoints,
            "--output_dir", _folder.PathOf("out"), "--max_calls", "1", "--max_reasks", "0", "--dry-run");
        Assert.Equal(0, run.Code);
        Assert.EndsWith("max_calls 1 STOPS THE RUN before its end: it takes 2 calls\nj: the environment variable ZEPHYR_TEST_NO_SUCH_KEY is not set or empty: the run needs it\n", run.Output);
    }

    /// <summary>GPT-4's own means, counted by other means: of 160 judgments 40 hold a score.</summary>
    [Fact]
    public async Task Recorded_judgments_give_the_judges_own_means()
    {
        var (questions, judgments) = (SharedFolder.PathOf("data/mtbench/question.jsonl"), SharedFolder.PathOf("data/mtbench/gpt-4_single_granite-7b-lab.jsonl"));
        var run = await Run("eval", "mtbench", "--questions", questions, "--judgments", judgments, "--json");
        Assert.Equal(0, run.Code);
        var table = JsonDocument.Parse(run.Output).RootElement.EnumerateArray().Single();
        Assert.Equal("granite-7b-lab", table.GetProperty("model").GetString());
        var all = table.GetProperty("all");
        var categories = File.ReadLines(questions).Select(line => JsonDocument.Parse(line).RootElement).ToDictionary(row => row.GetProperty("question_id").GetInt32(), row => row.GetProperty("category").GetString()!);
        var recorded = File.ReadLines(judgments).Select(line => JsonDocument.Parse(line).RootElement)
            .Select(row => (Category: categories[row.GetProperty("question_id").GetInt32()], Turn: row.GetProperty("turn").GetInt32(), Score: row.GetProperty("score").GetDouble())).ToList();
        var scored = recorded.Where(one => one.Score >= 0).ToList();
        Assert.Equal(scored.Average(one => one.Score), all.GetProperty("mean").GetProperty("value").GetDouble(), 12);
        Assert.Equal(7.4, all.GetProperty("mean").GetProperty("value").GetDouble(), 12);
        Assert.Equal(scored.Where(one => one.Turn == 1).Average(one => one.Score), all.GetProperty("turn1").GetDouble(), 12);
        Assert.Equal(scored.Where(one => one.Turn == 2).Average(one => one.Score), all.GetProperty("turn2").GetDouble(), 12);
        Assert.Equal(120, Int(all, "unscored"));
        foreach (var category in table.GetProperty("categories").EnumerateArray())
        {
            var own = scored.Where(one => one.Category == category.GetProperty("name").GetString()).ToList();
            if (own.Count > 0) Assert.Equal(own.Average(one => one.Score), category.GetProperty("mean").GetProperty("value").GetDouble(), 12);
            else Assert.Equal(0, Int(category, "questions"));
        }
        Assert.Equal(8, table.GetProperty("categories").GetArrayLength());
    }

    [Fact]
    public async Task Recorded_judgments_of_several_models_have_a_table_each()
    {
        var questions = _folder.Write("questions.jsonl", """{"question_id": 1, "category": "writing", "turns": ["Hello?"]}""" + "\n");
        string Row(string model, int score) => $$"""{"question_id": 1, "model": "{{model}}", "turn": 1, "judgment": "[[{{score}}]]", "score": {{score}}}""" + "\n";
        var run = await Run("eval", "mtbench", "--questions", questions, "--judgments", _folder.Write("both.jsonl", Row("good", 10) + Row("bad", 2)), "--json");
        Assert.Equal([("bad", 2.0), ("good", 10.0)], JsonDocument.Parse(run.Output).RootElement.EnumerateArray()
            .Select(model => (model.GetProperty("model").GetString(), model.GetProperty("all").GetProperty("mean").GetProperty("value").GetDouble())));
        var twice = await Run("eval", "mtbench", "--questions", questions, "--judgments", _folder.Write("twice.jsonl", Row("good", 10) + Row("good", 2)));
        Assert.Equal((2, true), (twice.Code, twice.Error.Contains("line 2, field 'question_id': found turn 1 of question 1 a second time, expected one judgment of each turn of a model", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task A_folder_with_the_figures_of_something_else_is_refused()
    {
        await using var judge = await FakeEndpoint.Start((context, body, _) => FakeEndpoint.Answer(context, VerdictByMark(FakeEndpoint.LastMessage(body))));
        string[] common = ["--judge", $"{judge.BaseUrl}#j", "--output_dir", _folder.PathOf("out"), "--quiet"];
        string[] first = ["eval", "winrate", "--answers", Answers("model", ["GOOD"]), "--baseline_answers", Answers("baseline", ["plain"]), .. common];
        Assert.Equal(0, (await Run(first)).Code);
        Assert.Equal(0, (await Run([.. first, "--max_reasks", "1"])).Code);
        var other = await Run(["eval", "winrate", "--answers", Answers("other", ["plain"]), "--baseline_answers", Answers("baseline", ["plain"]), .. common]);
        Assert.Equal((2, $"zephyr: output_dir {_folder.PathOf("out")}: winrate.json holds figures of other answers or other prompts, expected a folder of its own, or the same ones again\n"), (other.Code, other.Error));
        var questions = _folder.Write("questions.jsonl", """{"question_id": 1, "category": "writing", "turns": ["Hello?"]}""" + "\n");
        var mtbench = await Run(["eval", "mtbench", "--questions", questions, "--model", $"{judge.BaseUrl}#j", .. common]);
        Assert.Equal((2, $"zephyr: output_dir {_folder.PathOf("out")}: winrate.json holds those of another evaluation, expected a folder of its own, or the same ones again\n"), (mtbench.Code, mtbench.Error));
        Assert.Equal(2, judge.Requests.Count);
    }

    /// <summary>What only the baseline's file says of a prompt counts too.</summary>
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task Source_and_difficulty_may_stand_in_either_file(bool ofModel)
    {
        await using var judge = await FakeEndpoint.Start((context, body, _) => FakeEndpoint.Answer(context, VerdictByMark(FakeEndpoint.LastMessage(body))));
        // Won and lost in turn, at lengths that differ.
        string Answer(bool good, int i) => (good ? "GOOD" : "plain") + new string('x', i * i % 7);
        string Rows(string name, bool isModel, bool told) => _folder.Write($"{name}.jsonl", string.Concat(Enumerable.Range(0, 12).Select(i => (Text: Answer(i % 3 == 0 ^ isModel, isModel ? i : 1), i)).Select(row => JsonSerializer.Serialize(told
            ? (object)new { instruction = $"q{row.i}", output = row.Text, dataset = $"set{row.i % 2}", instruction_difficulty = row.i % 5 * 0.5 } : new { instruction = $"q{row.i}", output = row.Text }) + "\n")));
        var run = await Run("eval", "winrate", "--answers", Rows("model", true, ofModel), "--baseline_answers", Rows("baseline", false, !ofModel), "--judge", $"{judge.BaseUrl}#j",
            "--output_dir", _folder.PathOf("out"), "--quiet", "--json");
        Assert.Equal(0, run.Code);
        var report = JsonDocument.Parse(run.Output).RootElement;
        Assert.Equal(["set0", "set1"], report.GetProperty("sources").EnumerateArray().Select(source => source.GetProperty("key").GetString()));
        Assert.Equal(JsonValueKind.Number, report.GetProperty("all").GetProperty("length_controlled").GetProperty("psi").ValueKind);
    }

    [Fact]
    public async Task What_is_missing_is_told_at_once()
    {
        var run = await Run("eval", "winrate", "--answers", "a.jsonl", "--model", "m");
        Assert.Equal(2, run.Code);
        foreach (var line in new[] { "--model: give one of model, which answers, and answers, files with its answers", "--baseline: give one of baseline", "--judge: is required", "--output_dir: is required" })
            Assert.Contains(line, run.Error);
        var answers = Answers("model", ["a", "b"]);
        var fewer = _folder.Write("short.jsonl", """{"instruction": "prompt 0", "output": "x"}""");
        var missing = await Run("eval", "winrate", "--answers", answers, "--baseline_answers", fewer, "--judge", "http://127.0.0.1:9/v1#j", "--output_dir", _folder.PathOf("out"));
        Assert.Equal((2, $"zephyr: {fewer}: has no answer of the baseline to the prompt \"prompt 1\", expected one for each of the 2 prompts\n"), (missing.Code, missing.Error));
        Assert.Contains("zephyr eval: found \"perplexities\", expected perplexity, preferences, winrate, mtbench or an option", (await Run("eval", "perplexities")).Error);
        Assert.Contains("are judged already", (await Run("eval", "mtbench", "--questions", "q", "--judgments", "j", "--judge", "x")).Error);
    }

    private string Answers(string name, string[] texts) => _folder.Write($"{name}.jsonl", string.Concat(texts.Select((text, i) => JsonSerializer.Serialize(new { instruction = $"prompt {i}", output = text }) + "\n")));

    /// <summary>A where its answer is marked, B where only B's is, and A, the first, where they are alike.</summary>
    private static string VerdictByMark(string question)
    {
        var (a, b) = (question.LastIndexOf("ANSWER A", StringComparison.Ordinal), question.LastIndexOf("ANSWER B", StringComparison.Ordinal));
        var first = question.IndexOf("ANSWER A", StringComparison.Ordinal);
        var second = question.IndexOf("ANSWER B", StringComparison.Ordinal);
        var inA = question[first..second].Contains("GOOD", StringComparison.Ordinal);
        var inB = question[second..].Contains("GOOD", StringComparison.Ordinal);
        return a > 0 && b > 0 && inB && !inA ? "[[B]]" : "[[A]]";
    }

    private static int Int(JsonElement figures, string name) => figures.GetProperty(name).GetInt32();

    /// <summary>On a thread of its own: the server answers meanwhile.</summary>
    private static Task<CliRun> Run(params string[] args) => Task.Run(() => CliRun.Of(args), TestContext.Current.CancellationToken);
}
