using System.Text.Json.Nodes;
using Zephyr.Tests.Cli;
using Zephyr.Tests.Data.Sources;
using Zephyr.Tests.Feedback.Calls;

namespace Zephyr.Tests.Feedback;

/// <summary>on_bad_row of aif: the first row that cannot be used ends the run, or all are left out and counted, whichever of the three beginnings the rows are.</summary>
public sealed class BadFeedbackRowsTests : IDisposable
{
    private const string Good = """{"instruction": "Q", "completions": [{"model": "a", "response": "A", "overall_score": 5}, {"model": "b", "response": "B", "overall_score": 4}]}""";
    private const string Unscored = """{"instruction": "R", "completions": [{"model": "a", "response": "A"}, {"model": "b", "response": "B"}]}""";

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Scores()
    {
        var file = _folder.Write("rows.jsonl", string.Join('\n', Good, "broken", Unscored, """{"instruction": "S", "completions": 1}""", Unscored));
        string[] args = ["aif", "--feedback", file, "--formats", "jsonl", "--test_fraction", "0", "--output_dir", _folder.PathOf("out")];
        var failed = CliRun.Of(args);
        Assert.Equal((2, $"zephyr: {file}, line 2: found broken JSON at byte 0, expected one JSON object on the line\n"), (failed.Code, failed.Error));

        var run = CliRun.Of([.. args, "--on_bad_row", "skip"]);
        Assert.Equal(0, run.Code);
        var audit = JsonNode.Parse(File.ReadAllText(_folder.PathOf("out/audit.json")))!;
        Assert.Equal((1, 1), ((int)audit["rows"]!, (int)audit["pairs"]!));
        Assert.Equal(["2 a field 'completions[].overall_score' other than a number or \"N/A\"; the key 'score' names the field", "1 a field 'completions' other than a list of completions {response, model, a score}", "1 content other than one JSON object on the line"], Reasons(audit));
        Assert.StartsWith("4 rows left out that cannot be used (on_bad_row: skip): 2 with ", run.Error);
        Assert.Contains($"left out: {file}, line 3, field 'completions[0].overall_score': found no such field", run.Error);
        Assert.Contains("row left out: content other than one JSON object on the line", run.Output);

        var plan = CliRun.Of([.. args, "--on_bad_row", "skip", "--overwrite_output_dir", "true", "--dry-run"]);
        Assert.Contains("\n# 4 rows left out that cannot be used (on_bad_row: skip): 2 with ", plan.Output);
        var none = CliRun.Of("aif", "--feedback", _folder.Write("none.jsonl", $"{Unscored}\n{Unscored}"), "--on_bad_row", "skip", "--output_dir", _folder.PathOf("none"));
        Assert.Equal(2, none.Code);
        Assert.EndsWith("; none of the 2 rows can be used\n", none.Error);
    }

    [Fact]
    public async Task Answers()
    {
        await using var world = await FeedbackWorld.Start(prompts: 1);
        var answers = _folder.Write("answers.jsonl", string.Join('\n', Answered(0), """{"instruction": "S", "completions": [{"model": "a", "response": 1}]}""", Answered(1)));
        string[] args = ["aif", "--completions", answers, "--judge", "judge", "--judgments", "overall", "--endpoints", world.PathOf("endpoints.yaml"), "--ties", "keep", "--rejected", "random_other",
            "--output_dir", world.PathOf("out"), "--on_bad_row"];
        var failed = CliRun.Of([.. args, "fail"]);
        Assert.Equal((2, $"zephyr: {answers}, line 2, field 'completions[0].response': found the number 1, expected a text\n"), (failed.Code, failed.Error));
        Assert.Empty(world.Asked);

        var run = CliRun.Of([.. args, "skip"]);
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(4, world.Asked.Count);
        var audit = JsonNode.Parse(File.ReadAllText(world.PathOf("out/audit.json")))!;
        Assert.Equal(["1 a field 'completions[].response' other than a text"], Reasons(audit["asking"]!));
        Assert.Null(audit["bad_rows"]);
        Assert.Contains($"left out: {answers}, line 2, field 'completions[0].response': found the number 1, expected a text\n", run.Error);

        static string Answered(int i) => $$"""{"instruction": "What is {{i}} and {{i}}?", "completions": [{"model": "a", "response": "a on What is {{i}} and {{i}}? (0a)"}, {"model": "b", "response": "b on What is {{i}} and {{i}}? (0b)"}]}""";
    }

    [Theory]
    [InlineData("prompts.txt", "bytes that are not UTF-8 at offset 4")]
    [InlineData("prompts.jsonl", "bytes that are not UTF-8")]
    public async Task Prompts(string name, string found)
    {
        await using var world = await FeedbackWorld.Start(prompts: 1);
        byte[] Line(string text) => System.Text.Encoding.UTF8.GetBytes((name.EndsWith("txt", StringComparison.Ordinal) ? text : $$"""{"prompt": "{{text}}"}""") + "\n");
        var file = _folder.Write(name, [.. Line("What is 0 and 0?"), .. "bad "u8, 0xFF, (byte)'\n', .. Line("What is 1 and 1?")]);
        var failed = CliRun.Of(world.Args("out", "--prompts", file));
        Assert.Equal(2, failed.Code);
        Assert.StartsWith($"zephyr: {file}, line 2: found {found}, expected UTF-8 text\n", failed.Error);
        Assert.Empty(world.Asked);

        var run = CliRun.Of(world.Args("out", "--prompts", file, "--on_bad_row", "skip"));
        Assert.True(run.Code == 0, run.Error);
        Assert.Equal(8, world.Asked.Count);
        Assert.Equal(["1 content other than UTF-8 text"], Reasons(JsonNode.Parse(File.ReadAllText(world.PathOf("out/audit.json")))!["asking"]!));
        Assert.Contains("\n# 1 row left out that cannot be used (on_bad_row: skip): ", CliRun.Of(world.Args("other", "--prompts", file, "--on_bad_row", "skip", "--dry-run")).Output);
    }

    private static IReadOnlyList<string> Reasons(JsonNode audit) => [.. audit["bad_rows"]!.AsArray().Select(bad => $"{bad!["rows"]} {bad["reason"]}")];
}
