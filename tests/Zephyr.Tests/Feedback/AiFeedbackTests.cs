using System.Text.Json;
using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Feedback;
using Zephyr.Pipeline;
using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;

namespace Zephyr.Tests.Feedback;

public sealed class AiFeedbackTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Scored_answers_become_pairs_for_training_and_testing()
    {
        var result = Run(Config(Feedback(40)));
        Assert.Equal(["run.json", "test_prefs.jsonl", "test_prefs.parquet", "train_prefs.jsonl", "train_prefs.parquet", "audit.json"],
            result.Files.Select(Path.GetFileName));
        Assert.Equal(result.Files.Order(), Directory.EnumerateFileSystemEntries(Output).Order());
        Assert.Equal((36, 4), (result.Audit.TrainPairs, result.Audit.TestPairs));
        foreach (var format in new[] { "parquet", "jsonl" })
        {
            var (train, test) = (PromptsOf($"train_prefs.{format}"), PromptsOf($"test_prefs.{format}"));
            Assert.Equal((36, 4), (train.Length, test.Length));
            Assert.Empty(train.Intersect(test));
        }
    }

    [Fact]
    public void The_same_seed_gives_the_same_bytes_and_another_one_does_not()
    {
        var config = Config(Feedback(40));
        var first = Bytes(Run(config).Files);
        Assert.Equal(first, Bytes(Run(Config(config.Source.Feedback[0], output: "again")).Files));
        Assert.NotEqual(first, Bytes(Run(Config(config.Source.Feedback[0], output: "other", seed: 7)).Files));
    }

    [Fact]
    public void The_order_of_the_rows_changes_the_order_of_the_pairs_only()
    {
        var file = Feedback(40);
        var reversed = _folder.Write("reversed.jsonl", string.Join('\n', File.ReadLines(file).Reverse()));
        Run(Config(file));
        Run(Config(reversed, output: "again"));
        foreach (var name in new[] { "train_prefs.jsonl", "test_prefs.jsonl", "audit.json" })
            Assert.Equal(File.ReadLines(Path.Combine(Output, name)).Order(), File.ReadLines(_folder.PathOf($"again/{name}")).Order());
    }

    [Fact]
    public void A_folder_that_holds_a_run_is_refused_unless_it_may_be_overwritten()
    {
        var config = Config(Feedback(40));
        Run(config);
        Assert.Equal(
            $"output_dir {Output}: holds a run's output already (audit.json), "
            + "expected an empty folder, or overwrite_output_dir: true to start over",
            Assert.Throws<UserErrorException>(() => Run(config)).Message);

        Run(new()
        {
            Source = config.Source,
            Run = config.Run with { OverwriteOutputDir = true },
            Aif = config.Aif with { Formats = ["jsonl"], TestFraction = 0 },
        });
        Assert.Equal(["audit.json", "run.json", "train_prefs.jsonl"], Directory.EnumerateFileSystemEntries(Output).Select(Path.GetFileName).Order());
    }

    [Theory]
    [InlineData("model.safetensors", "{}", "a training run (model.safetensors)")]
    [InlineData("model.safetensors.index.json", "{}", "a training run (model.safetensors.index.json)")]
    [InlineData("checkpoint-20/model.safetensors", "{}", "a training run (checkpoint-20)")]
    [InlineData("run.json", """{"stage": "sft"}""", "sft")]
    public void The_folder_of_another_stage_is_refused_even_where_it_may_be_overwritten(string file, string content, string stage)
    {
        var config = Config(Feedback(40));
        _folder.Write($"out/{file}", content);
        Assert.Equal($"output_dir {Output}: holds the output of {stage}, which aif never overwrites, expected a folder of its own",
            Assert.Throws<UserErrorException>(() => Run(config with { Run = config.Run with { OverwriteOutputDir = true } })).Message);
        Assert.Equal(content, File.ReadAllText(_folder.PathOf($"out/{file}")));
    }

    [Fact]
    public void Two_runs_do_not_write_to_one_folder_at_once()
    {
        var options = new RunOptions { OutputDir = Output };
        using (var first = new StagedOutput(options))
        {
            File.WriteAllText(first.PathOf("audit.json"), "{}");
            Assert.Equal($"output_dir {Output}: another run (process {Environment.ProcessId}) is writing to it, expected a folder of its own for each",
                Assert.Throws<UserErrorException>(() => new StagedOutput(options)).Message);
            Assert.Single(first.Commit(last: "audit.json"));
        }
        Assert.Equal([Path.Combine(Output, "audit.json")], Directory.EnumerateFileSystemEntries(Output));
    }

    [Fact]
    public void What_a_killed_run_has_left_is_no_obstacle()
    {
        _folder.Write("out/.partial/train_prefs.jsonl", "half");
        _folder.Write("out/.partial/.lock", "");
        Assert.Equal(Run(Config(Feedback(40))).Files.Order(), Directory.EnumerateFileSystemEntries(Output).Order());
    }

    [Fact]
    public void A_bad_row_leaves_nothing_behind_and_an_earlier_run_as_it_was()
    {
        var good = Config(Feedback(40));
        var written = Run(good).Files;
        var before = Bytes(written);
        var bad = _folder.Write("bad.jsonl", File.ReadAllText(good.Source.Feedback[0]) + "\n{\"instruction\": \"Q\", \"completions\": 1}\n");
        Assert.Throws<BadRowException>(() => Run(Config(bad, output: "never")));
        Assert.False(Path.Exists(_folder.PathOf("never")));
        Assert.Throws<BadRowException>(() => Run(Config(bad) with { Run = good.Run with { OverwriteOutputDir = true } }));
        Assert.Equal(before, Bytes(written));
        Assert.Equal(written.Order(), Directory.EnumerateFileSystemEntries(Output).Order());
    }

    [Fact]
    public void A_stop_leaves_nothing_behind()
    {
        Assert.Throws<OperationCanceledException>(() => AiFeedback.Run(new(Config(Feedback(40)), []), new CancellationToken(canceled: true)));
        Assert.False(Path.Exists(Output));
    }

    [Fact]
    public void No_pair_left_is_said_with_the_reasons()
    {
        var file = _folder.Write("tied.jsonl", """
            {"instruction": "Q", "completions": [{"response": "A", "overall_score": 5}, {"response": "B", "overall_score": 5}]}
            {"instruction": "R", "completions": [{"response": "A", "overall_score": 5}]}
            """);
        Assert.Equal(
            "no pair is left of 2 prompts: fewer_than_two_answers 1, best_score_tied 1; "
            + "expected at least one prompt whose answers differ in score (keys: score, ties, rejected, min_margin)",
            Assert.Throws<UserErrorException>(() => Run(Config(file))).Message);
        Assert.False(Path.Exists(Output));
    }

    [Fact]
    public void Real_answers_with_a_real_teachers_scores()
    {
        var config = Config(SharedFolder.PathOf("data/feedback/alpaca_eval_gpt4turbo_300x8.jsonl"), score: "score");
        var audit = Run(config).Audit;
        Assert.Equal((300, 2400), (audit.Rows, audit.Completions));
        Assert.Equal(300, audit.Pairs + audit.DroppedPrompts.Values.Sum());
        Assert.Equal(audit.Pairs, audit.Models.Sum(model => model.Chosen));
        Assert.Equal(2400, audit.Models.Sum(model => model.Answers) + audit.DroppedCompletions.Values.Sum());
        Assert.InRange(audit.Score.Min, 1, 2);
        Assert.InRange(audit.Score.Max, 1, 2);
        Assert.True(audit.Margin.Min > 0);
        Assert.Equal(audit.TestPairs, WholeRows.Read([Path.Combine(Output, "test_prefs.parquet")]).Count());
    }

    [Theory]
    [InlineData("overall_score", "drop_rating")]
    [InlineData("fine-grained_score", "drop_rating")]
    [InlineData("mean_rating", "drop_rating")]
    [InlineData("mean_rating", "drop_completion")]
    public void The_raw_ultrafeedback_schema_works_with_each_score(string score, string onMissing)
    {
        var config = Config(SharedFolder.PathOf("data/feedback/ultrafeedback_raw_shape_200x4.jsonl"), score: score);
        var audit = Run(config with { Aif = config.Aif with { OnMissingRating = onMissing } }).Audit;
        Assert.Equal((200, 800), (audit.Rows, audit.Completions));
        Assert.Equal(200, audit.Pairs + audit.DroppedPrompts.Values.Sum());
        Assert.Equal(onMissing == "drop_completion", audit.DroppedCompletions[AnswerDrop.NoScore] > 0);
    }

    private string[] PromptsOf(string name) =>
        [.. PreferenceSchema.Read([Path.Combine(Output, name)]).Select(pair => pair.Prompt[0].Content)];

    private static AiFeedbackResult Run(AifConfig config) => AiFeedback.Run(new(config, []), TestContext.Current.CancellationToken);

    private string Output => _folder.PathOf("out");

    private AifConfig Config(string feedback, string output = "out", long seed = 42, string score = "overall_score") => new()
    {
        Source = new() { Feedback = [feedback] },
        Aif = new() { Score = score, TestFraction = 0.1 },
        Run = new() { OutputDir = _folder.PathOf(output), Seed = seed },
    };

    private string Feedback(int prompts) => _folder.Write("feedback.jsonl", string.Join('\n', Enumerable.Range(0, prompts).Select(i =>
        JsonSerializer.Serialize(new
        {
            instruction = $"Question {i}?",
            completions = Enumerable.Range(0, 4)
                .Select(j => new { model = $"m{j}", response = $"answer {j} to {i}", overall_score = (i + 3 * j) % 10 }),
        }))));

    private static byte[] Bytes(IEnumerable<string> files) =>
        [.. files.Where(file => !file.EndsWith("run.json", StringComparison.Ordinal)).SelectMany(File.ReadAllBytes)];
}
