using System.Text.Json.Nodes;
using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Cleaning;
using Zephyr.Data.Sources;
using Zephyr.Pipeline;
using Zephyr.Runtime;
using Zephyr.Tests.Cli;
using Zephyr.Tests.Data.Sources;
using Zephyr.Training;

namespace Zephyr.Tests.Pipeline;

public sealed class DatasetCleaningTests : IDisposable
{
    private const string Question = "A robe takes 2 bolts of blue fiber and half that much white fiber. How many bolts in total?";

    private readonly TempFolder _folder = new();

    private string Output => _folder.PathOf("out");

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void Each_rule_does_its_part_and_is_counted()
    {
        var file = _folder.Write("train_sft.jsonl", """
            {"prompt": "can you help me?", "prompt_id": "p1", "messages": [{"role": "user", "content": "can you help me?"}, {"role": "assistant", "content": "Yes. what is it?"}], "source": {"n": 1}}
            {"prompt": "Feel?", "prompt_id": "p2", "messages": [{"role": "user", "content": "Feel?"}, {"role": "assistant", "content": "As an AI, I don't have feelings."}], "source": {"n": 2}}
            {"prompt": "Sum", "prompt_id": "p3", "messages": [{"role": "user", "content": "QUESTION"}, {"role": "assistant", "content": "3"}], "source": {"n": 3}}
            {"prompt": "Answer in lower case: can you?", "prompt_id": "p4", "messages": [{"role": "user", "content": "Answer in lower case: can you?"}, {"role": "assistant", "content": "yes i can. what is it?"}], "source": null}
            """.Replace("QUESTION", Question, StringComparison.Ordinal));
        var evaluation = _folder.Write("gsm.jsonl", $$"""{"question": "{{Question}}"}""");
        var report = Run(new() { Dataset = [file], Decontaminate = [evaluation], Formats = ["jsonl", "parquet"] }).Report;
        Assert.Equal((4, 2, 1, 1), (report.Rows, report.Kept, report.Dropped[CleaningDrop.Disclaimer], report.Dropped[CleaningDrop.Contaminated]));
        Assert.Equal((1, 0.5, 4, 2, 2), (report.RecasedRows, report.RecasedShare, report.Turns, report.RecasedTurns, report.RecasedLetters));
        Assert.Equal((1, 1), (report.Faults[CasingFault.SentenceStart], report.Faults[CasingFault.AllLower]));

        Assert.Equal("""{"prompt":"Can you help me?","prompt_id":"p1","messages":[{"role":"user","content":"Can you help me?"},{"role":"assistant","content":"Yes. What is it?"}],"source":{"n":1}}""",
            File.ReadLines(Path.Combine(Output, "train_sft.jsonl")).First());
        Assert.Equal(["p1", "p4"], RowReader.Read([Path.Combine(Output, "train_sft.parquet")], (_, columns) => [.. columns]).Select(row => row["prompt_id"]));
        Assert.Equal("yes i can. what is it?", ConversationSchema.Read([Path.Combine(Output, "train_sft.parquet")]).Last().Messages[1].Content);
        Assert.Equal(["casing.tsv", "report.json", "run.json", "train_sft.jsonl", "train_sft.parquet"], Directory.EnumerateFiles(Output).Select(Path.GetFileName).Order(StringComparer.Ordinal));

        var samples = JsonNode.Parse(File.ReadAllText(Path.Combine(Output, "report.json")))!["samples"]!.AsArray().Select(sample => ((string)sample!["rule"]!, (long)sample["row"]!, (string?)sample["after"])).ToList();
        Assert.Equal([("all_lower", 1, "Can you help me?"), ("contaminated", 3, null), ("disclaimer", 2, null), ("sentence_start", 1, "Yes. What is it?")], samples);
        Assert.StartsWith("gsm.jsonl, line 1, question: A robe takes", report.Samples.Single(sample => sample.Rule == "contaminated").Evidence);
    }

    [Fact]
    public void Rules_that_are_off_do_nothing()
    {
        var file = _folder.Write("a.jsonl", """{"messages":[{"role":"user","content":"how do you feel today?"},{"role":"assistant","content":"As an AI, I don't have feelings. but ask me."}]}""" + "\n");
        Run(new() { Dataset = [file], Truecase = false, DropDisclaimers = "none", Formats = ["jsonl"] });
        Assert.Equal(File.ReadAllText(file), File.ReadAllText(Path.Combine(Output, "a.jsonl")));
        Assert.False(File.Exists(Path.Combine(Output, "casing.tsv")));
    }

    [Theory]
    [InlineData("""{"data":["how are you today?","I am well. and you?"]}""", """{"data":["How are you today?","I am well. And you?"]}""")]
    [InlineData("""{"conversations":[{"from":"human","value":"how are you today?"},{"from":"gpt","value":"I am well. and you?"}]}""", """{"conversations":[{"from":"human","value":"How are you today?"},{"from":"gpt","value":"I am well. And you?"}]}""")]
    [InlineData("""{"prompt":"how are you today?","completion":"I am well. and you?","k":1.0}""", """{"prompt":"How are you today?","completion":"I am well. And you?","k":1.0}""")]
    [InlineData("""{"text":"I am well. and you?"}""", """{"text":"I am well. And you?"}""")]
    [InlineData("""{"prompt":"how are you today?","chosen":"I am well. and you?","rejected":"As an AI, I have no feelings. so what?"}""", """{"prompt":"How are you today?","chosen":"I am well. And you?","rejected":"As an AI, I have no feelings. So what?"}""")]
    public void Every_kind_of_row_keeps_its_form(string before, string after)
    {
        Run(new() { Dataset = [_folder.Write("a.jsonl", before)], Formats = ["jsonl"] });
        Assert.Equal(after + "\n", File.ReadAllText(Path.Combine(Output, "a.jsonl")));
    }

    [Fact]
    public void Cleaning_what_is_clean_changes_nothing_and_threads_change_nothing()
    {
        string[] files = [.. new[] { "data/sft/capybara_test.parquet", "data/sft/deita_test_sft_subset_arrow15.parquet", "data/sft/openinstruct_sft_sample.jsonl" }.Select(SharedFolder.PathOf)];
        var first = Run(new() { Dataset = files, Formats = ["jsonl"] });
        Assert.InRange(first.Report.RecasedShare, 0.05, 0.15);
        var one = Run(new() { Dataset = files, Formats = ["jsonl"], DatasetNumProc = 1 }, "one");
        Assert.Equal(Bytes(first.Files), Bytes(one.Files));
        string[] cleaned = [.. first.Files.Where(file => file.EndsWith(".jsonl", StringComparison.Ordinal))];
        // By the same statistics it is so by construction; by its own, which are nearly the same, here too.
        foreach (var statistics in new[] { Path.Combine(Output, "casing.tsv"), null })
        {
            var again = Run(new() { Dataset = cleaned, Formats = ["jsonl"], CasingStatistics = statistics }, statistics is null ? "own" : "same");
            Assert.Equal(0, again.Report.RecasedRows);
            Assert.Equal(Bytes(cleaned), Bytes(again.Files.Where(file => file.EndsWith(".jsonl", StringComparison.Ordinal))));
        }
    }

    [Fact]
    public void The_output_is_whole_or_absent_and_only_its_own_files_are_replaced()
    {
        var good = """{"text":"I am well. and you?"}""" + "\n";
        var file = _folder.Write("a.jsonl", good + "{\"text\": 3}\n");
        Assert.Equal($"{file}, line 2, field 'text': found the number 3, expected a text", Assert.Throws<BadRowException>(() => Run(new() { Dataset = [file] })).Message);
        Assert.False(Directory.Exists(Output));
        var result = Run(new() { Dataset = [file], OnBadRow = "skip" });
        Assert.Equal((1, 1), (result.Report.Kept, result.Report.BadRows));
        _folder.Write("out/b.jsonl", "mine");
        Assert.StartsWith($"output_dir {Output}: holds a run's output already (report.json)", Assert.Throws<UserErrorException>(() => Run(new() { Dataset = [file], OnBadRow = "skip" })).Message);
        Run(new() { Dataset = [file], OnBadRow = "skip", Formats = ["jsonl"] }, overwrite: true);
        Assert.Equal(["a.jsonl", "b.jsonl", "casing.tsv", "report.json", "run.json"], Directory.EnumerateFiles(Output).Select(Path.GetFileName).Order(StringComparer.Ordinal));
        Assert.Equal($"output_dir {Output}: holds {Output}/b.jsonl, which no run of clean wrote, expected a folder of its own",
            Assert.Throws<UserErrorException>(() => Run(new() { Dataset = [_folder.Write("b.jsonl", good)], Formats = ["jsonl"] }, overwrite: true)).Message);
        Assert.Equal($"output_dir {_folder.Path}: holds {file}, which is to be cleaned, expected a folder of its own",
            Assert.Throws<UserErrorException>(() => Run(new() { Dataset = [file] }, "")).Message);
        Assert.Equal($"dataset: {file} and {_folder.Write("sub/a.jsonl", good)} would both be written as a, expected files of different names, or a run for each",
            Assert.Throws<UserErrorException>(() => Run(new() { Dataset = [file, _folder.PathOf("sub/a.jsonl")] }, "other")).Message);
        Assert.Equal("no row is left of 1: disclaimer 1; expected at least one (keys: drop_disclaimers, decontaminate, decontaminate_ngram)",
            Assert.Throws<UserErrorException>(() => Run(new() { Dataset = [_folder.Write("c.jsonl", """{"prompt":"How?","completion":"I have no feelings."}""")] }, "none")).Message);
    }

    [Fact]
    public void The_command_shows_counts_and_samples()
    {
        var file = _folder.Write("a.jsonl", """{"text":"I am well. and you?"}""");
        var dry = CliRun.Of("clean", "--dataset", file, "--output_dir", Output, "--dry-run");
        Assert.Equal(0, dry.Code);
        Assert.Contains("truecase: true", dry.Output);
        Assert.Contains("# clean --dry-run: every row was read and judged, and nothing was written.\n", dry.Output);
        Assert.Contains("#   - I am well. and you?\n#   + I am well. And you?\n", dry.Output);
        Assert.False(Directory.Exists(Output));
        var run = CliRun.Of("clean", "--dataset", file, "--output_dir", Output, "--quiet");
        Assert.Equal((0, ""), (run.Code, run.Error));
        Assert.Matches(@"rows with other casing\s+1 \(100.0 %\)", run.Output);
        Assert.Contains("sentence start: a.jsonl 1, text\n  - I am well. and you?\n  + I am well. And you?\n", run.Output);
        var wrong = CliRun.Of("clean", "--dataset", file, "--output_dir", Output, "--truecase", "false", "--casing_statistics", "x.tsv", "--drop_disclaimers", "all");
        Assert.Equal(2, wrong.Code);
        Assert.Contains("casing_statistics: belongs to truecase, which is false", wrong.Error);
        Assert.Contains("drop_disclaimers: must be preface, anywhere or none (was all)", wrong.Error);
        Assert.Contains("--learning_rate: belongs to sft and dpo, not to clean", CliRun.Of("clean", "--learning_rate", "1").Error);
    }

    [Fact]
    public void A_long_run_says_how_far_it_is()
    {
        var file = _folder.Write("long.jsonl", string.Concat(Enumerable.Range(0, 2100).Select(i => $"{{\"text\":\"Row {i} is here.\"}}\n")));
        var seen = new Watcher();
        DatasetCleaning.Run(new(new CleanConfig { Clean = new() { Dataset = [file] }, Run = new() { OutputDir = Output } }, []), seen, TestContext.Current.CancellationToken);
        Assert.Equal(["clean: 1,000 rows read for their statistics, in file: 1 of 1", "clean: 2,000 rows read for their statistics, in file: 1 of 1", "clean: rows judged: 1000 of 2100", "clean: rows judged: 2000 of 2100"], seen.Told);
    }

    private CleaningResult Run(CleanOptions options, string output = "out", bool overwrite = false) => DatasetCleaning.Run(
        new(new CleanConfig { Clean = options, Run = new() { OutputDir = output.Length == 0 ? _folder.Path : _folder.PathOf(output), OverwriteOutputDir = overwrite } }, []), TestContext.Current.CancellationToken);

    private sealed class Watcher : ITrainingObserver
    {
        public List<string> Told { get; } = [];

        public void OnPreparation(string what, int done, int total) => Told.Add($"{what}: {done} of {total}");

        public void OnStart(TrainingPlan plan) { }

        public void OnStep(StepReport report) { }

        public void OnEvaluation(EvaluationReport report) { }

        public void OnCheckpoint(string path, int afterStep) { }

        public void OnNote(string text) { }

        public void OnEnd(TrainingSummary summary) { }
    }

    private static string[] Bytes(IEnumerable<string> files) => [.. files.Where(file => !file.EndsWith("run.json", StringComparison.Ordinal)).Order(StringComparer.Ordinal).Select(file => Convert.ToBase64String(File.ReadAllBytes(file)))];
}
