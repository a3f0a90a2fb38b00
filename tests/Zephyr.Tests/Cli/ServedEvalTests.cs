using System.Collections.Concurrent;
using System.Diagnostics;
using System.Globalization;
using System.Text.Json;
using System.Text.Json.Nodes;
using System.Text.RegularExpressions;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Feedback.Calls;

namespace Zephyr.Tests.Cli;

/// <summary>Judged evaluations as a user runs them: the models are behind zephyr serve, and so is whoever judges, or an endpoint that judges by a rule.</summary>
public sealed partial class ServedEvalTests : IDisposable
{
    private const int Prompts = 24;

    private readonly TempFolder _folder = new();

    private static CancellationToken Cancellation => TestContext.Current.CancellationToken;

    public void Dispose() => _folder.Dispose();

    /// <summary>The judge knows who wins which prompt, and the models' words; a kill in the middle and the same command again give what it knows and ask nothing twice.</summary>
    [Fact]
    public async Task A_win_rate_is_what_the_judge_was_told_and_a_kill_costs_what_was_out()
    {
        await using var model = await ServeRun.Start(ChainModel.Saying(_folder.PathOf("model"), "WINS"));
        await using var baseline = await ServeRun.Start(ChainModel.Saying(_folder.PathOf("baseline"), "LOST"));
        var judged = new ConcurrentDictionary<int, string>();
        await using var judge = await FakeEndpoint.Start(async (context, body, number) =>
        {
            judged[number] = body.GetRawText();
            await Task.Delay(30, Cancellation);
            await FakeEndpoint.Answer(context, $"[[{Verdict(FakeEndpoint.LastMessage(body))}]] (my judgment no. {number})");
        });
        string[] args = ["eval", "winrate", "--model", model.Model, "--baseline", baseline.Model, "--prompts", PromptFile(), "--judge", "judge", "--endpoints", Endpoints(judge, places: 2),
            "--output_dir", _folder.PathOf("out"), "--quiet", "--json"];
        await KillAfter(args, () => judge.Requests.Count >= 11);
        var kept = Journal();
        Assert.InRange(kept.Count, 1, Prompts * 4 - 1);
        var numbers = Judgment().Matches(string.Join('\n', File.ReadAllText(_folder.PathOf("out/calls.jsonl")).Split('\n')[..^1])).Select(match => int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture)).ToList();

        var run = await Run(args);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(kept, Journal().Take(kept.Count));
        Assert.Equal((Prompts * 4, Prompts * 4), (Journal().Count, Journal().Distinct().Count()));
        Assert.Equal(Prompts * 2, judged.Values.Distinct().Count());
        // What the journal had was asked once; what was on its way to it, to nobody's knowledge, again.
        Assert.NotEmpty(numbers);
        Assert.All(numbers, number => Assert.Single(judged.Values, judged[number]));

        // By number: 0 and 1 of four are won in both orders, 2 is lost, of 3 the first place is preferred.
        var all = JsonNode.Parse(run.Output)!["all"]!;
        Assert.Equal((Prompts, Prompts / 2, Prompts / 4, Prompts / 4), ((int)all["prompts"]!, (int)all["wins"]!, (int)all["losses"]!, (int)all["ties"]!));
        Assert.Equal((62.5, 0.75, 0.625), ((double)all["win"]!["value"]!, (double)all["consistency"]!, (double)all["first_place_share"]!));
        Assert.Equal((4.0, 4.0), ((double)all["model_length"]!, (double)all["baseline_length"]!));

        // Whoever asked the models now would be refused.
        await model.DisposeAsync();
        await baseline.DisposeAsync();
        var asked = judge.Requests.Count;
        var again = await Run(args);
        Assert.Equal((0, run.Output), (again.Code, again.Output));
        Assert.Equal((asked, Prompts * 4), (judge.Requests.Count, Journal().Count));
    }

    [Fact]
    public async Task MT_Bench_gives_the_means_that_the_judge_was_told()
    {
        await using var model = await ServeRun.Start(ChainModel.Saying(_folder.PathOf("model"), "WINS"));
        await using var judge = await FakeEndpoint.Start((context, body, _) =>
        {
            var turn = Turn().Matches(FakeEndpoint.LastMessage(body)).Select(match => (int.Parse(match.Groups[1].Value, CultureInfo.InvariantCulture), int.Parse(match.Groups[2].Value, CultureInfo.InvariantCulture))).MaxBy(turn => turn.Item2);
            return FakeEndpoint.Answer(context, $"Rating: [[{Grade(turn.Item1, turn.Item2)}]]");
        });
        string[] args = ["eval", "mtbench", "--questions", QuestionFile(), "--model", model.Model, "--judge", "judge", "--endpoints", Endpoints(judge, places: 2), "--output_dir", _folder.PathOf("out"), "--temperature", "0", "--quiet", "--json"];
        await KillAfter(args, () => judge.Requests.Count >= 5);
        var kept = Journal();
        var run = await Run(args);
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Equal(kept, Journal().Take(kept.Count));
        Assert.Equal((32, 32), (Journal().Count, Journal().Distinct().Count()));
        Assert.Equal(16, judge.Requests.Select(request => request.GetRawText()).Distinct().Count());

        var table = JsonNode.Parse(run.Output)!["table"]!;
        void Same(JsonNode row, params int[] questions)
        {
            Assert.Equal(questions.Average(question => Grade(question, 1)), (double)row["turn1"]!, 12);
            Assert.Equal(questions.Average(question => Grade(question, 2)), (double)row["turn2"]!, 12);
            Assert.Equal(questions.Average(question => (Grade(question, 1) + Grade(question, 2)) / 2.0), (double)row["mean"]!["value"]!, 12);
            Assert.Equal((questions.Length, 0), ((int)row["questions"]!, (int)row["unscored"]!));
        }
        Same(table["all"]!, [.. Enumerable.Range(0, 8)]);
        Assert.Equal(["math", "writing"], table["categories"]!.AsArray().Select(category => (string)category!["name"]!));
        Same(table["categories"]![0]!, 0, 2, 4, 6);
        Same(table["categories"]![1]!, 1, 3, 5, 7);
        Assert.All(File.ReadLines(_folder.PathOf("out/answers.jsonl")), line => Assert.Equal("""["WINS","WINS"]""", JsonNode.Parse(line)!["choices"]![0]!["turns"]!.ToJsonString()));

        await model.DisposeAsync();
        var asked = judge.Requests.Count;
        Assert.Equal(run.Output, (await Run(args)).Output);
        Assert.Equal((asked, 32), (judge.Requests.Count, Journal().Count));
    }

    /// <summary>A small model says nothing in form: each judgment ends as a failure with its reason, none as a figure, and the command says so.</summary>
    [Theory]
    [InlineData("winrate", Prompts * 2, Prompts)]
    [InlineData("mtbench", 16, 16)]
    public async Task A_served_model_that_judges_out_of_form_leaves_no_figure(string evaluation, int questions, int failures)
    {
        await using var served = await ServeRun.Start(ChainModel.Saying(_folder.PathOf("model"), "WINS"));
        string[] input = evaluation == "winrate" ? ["--baseline", $"local:{ChainModel.Saying(_folder.PathOf("baseline"), "LOST")}", "--prompts", PromptFile()] : ["--questions", QuestionFile(), "--temperature", "0"];
        string[] args = ["eval", evaluation, "--model", served.Model, "--judge", served.Model, "--output_dir", _folder.PathOf("out"), "--max_reasks", "1", .. input];
        var run = await Run([.. args, "--quiet", "--json"]);
        Assert.Equal(1, run.Code);
        Assert.Matches($@"^zephyr: there is no figure, as nothing was judged: {failures} failed, the first with: .*found no (verdict|score), expected .*; .*/out/judgments\.jsonl says why, and all calls are kept: .*\n$", run.Error);
        var report = JsonNode.Parse(run.Output)!;
        Assert.Equal(failures, report["failures"]!.AsArray().Count);
        if (evaluation == "winrate") Assert.Null(report["all"]);
        else Assert.Equal((0, null, null), ((int)report["table"]!["all"]!["questions"]!, report["table"]!["all"]!["turn1"], report["table"]!["all"]!["mean"]!["value"]));
        var rows = File.ReadLines(_folder.PathOf("out/judgments.jsonl")).Select(line => JsonNode.Parse(line)!).ToList();
        Assert.Equal(failures, rows.Count);
        Assert.All(rows, row => Assert.Contains("(asked 2 times)", (string)row["failure"]!));
        Assert.All(rows, row => Assert.True(evaluation == "winrate" ? row["model_first"] is null && row["model_second"] is null : (double)row["score"]! == -1, row.ToJsonString()));
        Assert.Equal(questions * 2, Journal().Count(key => key.StartsWith("judge/", StringComparison.Ordinal)));

        await served.DisposeAsync();
        var (before, again) = (Journal(), await Run([.. args, "--quiet", "--json"]));
        Assert.Equal((1, run.Output, run.Error), (again.Code, again.Output, again.Error));
        Assert.Equal(before, Journal());
    }

    private string PromptFile() => _folder.Write("prompts.txt", string.Concat(Enumerable.Range(0, Prompts).Select(i => $"query {i}\n")));

    private string QuestionFile() => _folder.Write("questions.jsonl", string.Concat(Enumerable.Range(0, 8).Select(i =>
        JsonSerializer.Serialize(new { question_id = i, category = i % 2 == 0 ? "math" : "writing", turns = new[] { $"query {i} turn 1", $"query {i} turn 2" } }) + "\n")));

    private string Endpoints(FakeEndpoint judge, int places) => _folder.Write("endpoints.yaml", $$"""judge: {base_url: "{{judge.BaseUrl}}", model: j, max_concurrency: {{places}}}""");

    /// <summary>What the journal has, by what it was for and its key; half a line at its end is not there.</summary>
    private List<string> Journal() => [.. File.ReadAllText(_folder.PathOf("out/calls.jsonl")).Split('\n')[1..^1].Select(line => JsonNode.Parse(line)!).Select(entry => $"{entry["purpose"]} {entry["key"]}")];

    private static char Verdict(string question)
    {
        var modelFirst = question.IndexOf("WINS", StringComparison.Ordinal) < question.IndexOf("LOST", StringComparison.Ordinal);
        return (int.Parse(Query().Match(question).Groups[1].Value, CultureInfo.InvariantCulture) % 4) switch
        {
            0 or 1 => modelFirst ? 'A' : 'B',
            2 => modelFirst ? 'B' : 'A',
            _ => 'A',
        };
    }

    private static int Grade(int question, int turn) => 1 + (7 * question + 4 * turn) % 10;

    /// <summary>Runs the real program and kills it once something has come so far.</summary>
    private static async Task KillAfter(string[] args, Func<bool> soFar)
    {
        using var process = Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "zephyr"), args) { RedirectStandardError = true, RedirectStandardOutput = true })!;
        while (!soFar() && !process.HasExited) await Task.Delay(1, Cancellation);
        process.Kill();
        var error = await process.StandardError.ReadToEndAsync(Cancellation);
        await process.WaitForExitAsync(Cancellation);
        Assert.True(process.ExitCode == 137, $"{process.ExitCode}: {error}");
    }

    /// <summary>On a thread of its own: the servers answer meanwhile.</summary>
    private static Task<CliRun> Run(params string[] args) => Task.Run(() => CliRun.Of(args), Cancellation);

    [GeneratedRegex(@"my judgment no\. (\d+)")]
    private static partial Regex Judgment();

    [GeneratedRegex(@"query (\d+)")]
    private static partial Regex Query();

    [GeneratedRegex(@"query (\d+) turn (\d)")]
    private static partial Regex Turn();
}
