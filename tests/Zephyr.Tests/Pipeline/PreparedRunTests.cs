using System.Diagnostics;
using System.Text.RegularExpressions;
using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Prepared;
using Zephyr.Data.Text;
using Zephyr.Pipeline;
using Zephyr.Runtime;
using Zephyr.Tests.Cli;
using Zephyr.Tests.Data.Prepared;

namespace Zephyr.Tests.Pipeline;

/// <summary>Whole runs and the rows that they leave for the next one.</summary>
public sealed class PreparedRunTests : IDisposable
{
    private readonly TinyWorld _world = new();

    public void Dispose() => _world.Dispose();

    private string Cache => _world.PathOf("cache");

    private string[] Kept => Directory.Exists(Cache) ? Directory.GetFiles(Cache) : [];

    [Theory]
    [InlineData("sft"), InlineData("dpo")]
    public void A_second_run_takes_the_rows_of_the_first_and_does_and_says_the_same(string stage)
    {
        var first = Run(stage, "first");
        var rows = Assert.Single(Kept);
        var written = File.GetLastWriteTimeUtc(rows) - TimeSpan.FromHours(1);
        File.SetLastWriteTimeUtc(rows, written);
        var bytes = File.ReadAllBytes(rows);

        var second = Run(stage, "second");
        Assert.Equal(_world.Bytes("first")["metrics.jsonl"], _world.Bytes("second")["metrics.jsonl"]);
        Assert.Equal(_world.Bytes("first")["model.safetensors"], _world.Bytes("second")["model.safetensors"]);
        Assert.Equal(stage == "sft" ? 6 : 10, NotesOf(first).Count);
        Assert.Equal(NotesOf(first), NotesOf(second));
        Assert.Contains($"prepared rows: kept in {rows} for the next run of the same rows, tokenizer and options", first, StringComparison.Ordinal);
        Assert.Contains($"prepared rows: {rows}, made by an earlier run of the same rows, tokenizer and options", second, StringComparison.Ordinal);
        Assert.Equal([rows], Kept);
        Assert.Equal(bytes, File.ReadAllBytes(rows));
        Assert.True(File.GetLastWriteTimeUtc(rows) > written, "rows that were used go last");
    }

    [Theory]
    [InlineData("sft"), InlineData("dpo")]
    public void Any_number_of_threads_keeps_the_same_file(string stage)
    {
        string? expected = null;
        byte[]? bytes = null;
        foreach (var threads in new[] { "1", "2", "5", "8" })
        {
            var cache = _world.PathOf($"cache-{threads}");
            Run(stage, $"out-{threads}", ("dataset_cache_dir", cache), ("dataset_num_proc", threads), ("max_steps", "1"));
            var file = Assert.Single(Directory.GetFiles(cache));
            Assert.Equal(expected ??= Path.GetFileName(file), Path.GetFileName(file));
            Assert.Equal(bytes ??= File.ReadAllBytes(file), File.ReadAllBytes(file));
        }
    }

    /// <summary>More rows than threads have in hand, of lengths that end out of turn.</summary>
    [Theory]
    [InlineData("none", false), InlineData("wrapped", true), InlineData("bfd", true), InlineData("bfd_split", false)]
    public void Any_number_of_threads_makes_the_same_bytes(string packing, bool assistantOnly)
    {
        var random = new SeededRandom(4);
        var rows = Enumerable.Range(0, 600).Select(i => new Conversation(new("rows.jsonl", i + 1, true),
            [new("user", $"How old is oak {i}?"), new("assistant", string.Join(' ', Enumerable.Repeat("old", 1 + random.NextInt(random.NextInt(8) == 0 ? 400 : 20))))])).ToList();
        var tokenizer = MistralTokenizer.Load(_world.Base);
        var options = new SftOptions { MaxSeqLength = 64, Packing = packing != "none", PackingStrategy = packing == "none" ? "wrapped" : packing, AssistantOnlyLoss = assistantOnly };
        var made = Enumerable.Range(1, 8).Select(threads =>
        {
            var notes = new List<string>();
            using var file = new FileStream(_world.PathOf($"rows-{threads}"), FileMode.CreateNew, FileAccess.ReadWrite, FileShare.ReadWrite, 0);
            var sequences = ConversationRows.Tokenize("training", rows, new(skip: false), tokenizer, options, new() { DatasetNumProc = threads }, notes.Add, TestContext.Current.CancellationToken);
            PreparedFile<Zephyr.Data.Batches.TokenSequence>.Write(file, new(new SequenceFormat(), true, sequences, [], () => notes), new byte[32]).Dispose();
            return File.ReadAllBytes(_world.PathOf($"rows-{threads}"));
        }).ToList();
        Assert.All(made, bytes => Assert.Equal(made[0], bytes));
    }

    /// <summary>Whatever the packing, and however many there are: what is alive are the rows that threads have in hand.</summary>
    [Theory]
    [InlineData("none"), InlineData("wrapped"), InlineData("bfd")]
    public void Neither_conversations_nor_sequences_are_held(string packing)
    {
        var rows = Enumerable.Range(0, 3000).Select(i => new Conversation(new("rows.jsonl", i + 1, true), [new("user", $"How old is oak {i}?"), new("assistant", $"It is {i}.")]));
        var options = new SftOptions { MaxSeqLength = 32, Packing = packing != "none", PackingStrategy = packing == "none" ? "wrapped" : packing };
        var (read, made) = (new Witness(), new Witness());
        using var kept = ScratchFile.Hold(new SequenceFormat(), narrow: true, made.Of(ConversationRows.Tokenize("training", read.Of(rows), new(skip: false),
            MistralTokenizer.Load(_world.Base), options, new() { DatasetNumProc = 2 }, _ => { }, TestContext.Current.CancellationToken)));
        // Two threads, 32 rows ahead each.
        Assert.InRange(read.Alive, 0, 2 * 32 + 3);
        Assert.InRange(made.Alive, 0, 3);
        Assert.True(kept.Count >= 1000);
    }

    [Theory]
    [InlineData(0), InlineData(1000), InlineData(-1)]
    public void A_damaged_file_is_made_again(int at)
    {
        Run("sft", "first");
        var rows = Assert.Single(Kept);
        var whole = File.ReadAllBytes(rows);
        if (at < 0) File.WriteAllBytes(rows, whole[..^40]);
        else File.WriteAllBytes(rows, [.. whole[..at], (byte)(whole[at] ^ 4), .. whole[(at + 1)..]]);
        Assert.Contains($"prepared rows: {rows} is damaged and was made again", Run("sft", "second"), StringComparison.Ordinal);
        Assert.Equal(whole, File.ReadAllBytes(Assert.Single(Kept)));
        Assert.Equal(_world.Bytes("first")["metrics.jsonl"], _world.Bytes("second")["metrics.jsonl"]);
    }

    [Fact]
    public void What_was_left_out_is_told_again_with_the_names_of_now()
    {
        var rows = _world.Write("rows.jsonl", "{broken\n" + File.ReadAllText(_world.Dialogues));
        (string, string)[] skip = [("on_bad_row", "skip"), ("max_steps", "1")];
        var first = Run("sft", "first", [.. skip, ("dataset", rows)]);
        Assert.Contains($"left out: {rows}, line 1: ", first, StringComparison.Ordinal);
        Assert.Equal(NotesOf(first), NotesOf(Run("sft", "second", [.. skip, ("dataset", rows)])));
        var moved = _world.Write("moved.jsonl", File.ReadAllText(rows));
        Assert.Contains($"left out: {moved}, line 1: ", Run("sft", "third", [.. skip, ("dataset", moved)]), StringComparison.Ordinal);
    }

    [Fact]
    public void A_dry_run_uses_rows_that_are_there_and_leaves_none()
    {
        var before = Plan();
        Assert.Empty(Kept);
        Assert.False(Directory.Exists(Cache));
        Run("sft", "out");
        var rows = Assert.Single(Kept);
        var then = File.GetLastWriteTimeUtc(rows);
        var after = Plan();
        Assert.Contains($"# prepared rows: {rows}, made by an earlier run", after, StringComparison.Ordinal);
        Assert.Equal(before, string.Join('\n', after.Split('\n').Where(line => !line.StartsWith("# prepared rows: ", StringComparison.Ordinal))));
        Assert.Equal((rows, then), (Assert.Single(Kept), File.GetLastWriteTimeUtc(rows)));

        string Plan()
        {
            var run = CliRun.Of(["sft", .. Args("sft", "planned"), "--dry-run"]);
            Assert.Equal((0, ""), (run.Code, run.Error));
            // What the machine has free at the moment.
            return Regex.Replace(run.Output, "which has [0-9.]+ GiB for it", "which has room");
        }
    }

    [Fact]
    public void A_folder_that_cannot_be_written_keeps_nothing_and_stops_nothing()
    {
        var inFile = Path.Combine(_world.Dialogues, "cache");
        var said = Run("sft", "out", ("dataset_cache_dir", inFile), ("max_steps", "1"));
        Assert.Matches($@"dataset_cache_dir: {System.Text.RegularExpressions.Regex.Escape(inFile)} cannot be written \(.+\), so the prepared rows are not kept", said);
        Run("sft", "plain", ("max_steps", "1"));
        Assert.Equal(_world.Bytes("plain")["metrics.jsonl"], _world.Bytes("out")["metrics.jsonl"]);
    }

    [Fact]
    public void A_run_that_is_stopped_before_it_trains_leaves_nothing()
    {
        var options = _world.KeysOf("sft", "out").Select(entry => new ConfigOverride(entry.Key, entry.Value)).ToList();
        Assert.ThrowsAny<OperationCanceledException>(() =>
            DistilledSft.Run(ConfigReader.ReadText<SftConfig>(null, null, options), new("auto", Zephyr.Training.SilentObserver.Instance), new CancellationToken(canceled: true)));
        Assert.False(Directory.Exists(Cache));
    }

    [Fact]
    public async Task Two_processes_may_make_the_same_rows_at_once_and_none_leaves_none()
    {
        var temporary = Directory.CreateDirectory(_world.PathOf("tmp")).FullName;
        Process[] processes = [Start("one", Cache), Start("two", Cache), Start("three", "none")];
        foreach (var process in processes)
            using (process)
            {
                var error = await process.StandardError.ReadToEndAsync(TestContext.Current.CancellationToken);
                await process.WaitForExitAsync(TestContext.Current.CancellationToken);
                Assert.True(process.ExitCode == 0, error);
            }
        Assert.EndsWith(".rows", Assert.Single(Kept), StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(temporary, "zephyr-rows*"));
        foreach (var output in new[] { "two", "three" }) Assert.Equal(_world.Bytes("one")["metrics.jsonl"], _world.Bytes(output)["metrics.jsonl"]);

        Process Start(string output, string cache) => Process.Start(new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "zephyr"),
            ["sft", .. Args("sft", output, ("packing", "true"), ("packing_strategy", "bfd"), ("dataset_cache_dir", cache), ("max_steps", "2"))])
        {
            RedirectStandardError = true,
            Environment = { ["OMP_NUM_THREADS"] = "1", ["TMPDIR"] = temporary },
        })!;
    }

    private IEnumerable<string> Args(string stage, string output, params (string, string)[] more) =>
        _world.KeysOf(stage, output, more).SelectMany(entry => new[] { $"--{entry.Key}", entry.Value });

    /// <summary>Runs a stage.</summary>
    /// <returns>What it logged.</returns>
    private string Run(string stage, string output, params (string, string)[] more)
    {
        var run = CliRun.Of([stage, .. Args(stage, output, more), "--quiet"]);
        Assert.Equal((0, ""), (run.Code, run.Error));
        return File.ReadAllText(Path.Combine(_world.PathOf(output), "zephyr.log"));
    }

    /// <summary>All that is said before the line about where the rows are, without the times.</summary>
    private static List<string> NotesOf(string log) =>
        [.. log.Split('\n').TakeWhile(line => !line.Contains("prepared rows: ", StringComparison.Ordinal)).Select(line => line[line.IndexOf('[', StringComparison.Ordinal)..])];
}
