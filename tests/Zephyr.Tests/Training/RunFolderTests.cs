using Zephyr.Runtime;
using Zephyr.Tests.Data.Sources;
using Zephyr.Training;

namespace Zephyr.Tests.Training;

public sealed class RunFolderTests : IDisposable
{
    private readonly TempFolder _temp = new();
    private readonly RunFolder _folder;

    public RunFolderTests() => _folder = new(Directory.CreateDirectory(_temp.PathOf("out")).FullName);

    public void Dispose() => _temp.Dispose();

    [Fact]
    public void A_checkpoint_is_whole_or_absent()
    {
        Write(3);
        var error = Assert.Throws<IOException>(() => _folder.WriteCheckpoint(6, path =>
        {
            File.WriteAllText(Path.Combine(path, "model.safetensors"), "half");
            throw new IOException("No space left on device");
        }));
        Assert.Equal("No space left on device", error.Message);
        Assert.Equal(["checkpoint-3"], Entries());
        Assert.Equal($"the newest whole checkpoint is {_folder.Root}/checkpoint-3", _folder.Kept);
    }

    [Fact]
    public void Writing_it_again_replaces_it()
    {
        Write(3, "old");
        Write(3, "new");
        Assert.Equal(["checkpoint-3"], Entries());
        Assert.Equal("new", File.ReadAllText(Path.Combine(_folder.Root, "checkpoint-3", TrainingState.FileName)));
    }

    [Fact]
    public void What_a_crash_left_is_no_checkpoint()
    {
        Write(3);
        foreach (var leftover in new[] { "checkpoint-6.tmp", "checkpoint-best", "checkpoint-", "checkpoint-007x", "checkpoint--4" })
            _temp.Write($"out/{leftover}/{TrainingState.FileName}", "{}");
        _temp.Write("out/checkpoint-9/model.safetensors", "torn: it has no state");
        _temp.Write($"out/checkpoint-8/{TrainingState.FileName}", "torn: it has no manifest");
        Assert.Equal([3], _folder.Checkpoints.Select(checkpoint => checkpoint.Step));
        Write(6);
        Assert.Equal([3, 6], _folder.Checkpoints.Select(checkpoint => checkpoint.Step));
        Assert.False(Directory.Exists(Path.Combine(_folder.Root, "checkpoint-6.tmp")));
        // It counts for none, and goes with what is older than those that are kept.
        _folder.Prune(1);
        Assert.Equal([6, 8, 9], _folder.Named.Select(checkpoint => checkpoint.Step));
        Write(12);
        _folder.Prune(1);
        Assert.Equal([12], _folder.Named.Select(checkpoint => checkpoint.Step));
    }

    [Fact]
    public void A_lock_is_held_by_the_living_only()
    {
        // As kill -9 leaves it: the file is there, and nobody has it.
        _temp.Write("out/.lock", "999999999");
        using (_folder.Claim())
        {
            Assert.Equal($"{Environment.ProcessId}", ReadLock());
            var refused = $"output_dir {_folder.Root}: another run (process {Environment.ProcessId}) is writing to it, expected a folder of its own for each";
            Assert.Equal(refused, Assert.Throws<UserErrorException>(() => _folder.Claim()).Message);
            Assert.Equal(refused, Assert.Throws<UserErrorException>(() => _folder.RequireUnclaimed()).Message);
        }
        Assert.Empty(Entries());
        _folder.RequireUnclaimed();
        Assert.Empty(Entries());

        string ReadLock()
        {
            using var cat = System.Diagnostics.Process.Start(new System.Diagnostics.ProcessStartInfo("cat", [Path.Combine(_folder.Root, ".lock")]) { RedirectStandardOutput = true })!;
            return cat.StandardOutput.ReadToEnd();
        }
    }

    /// <summary>Whoever waits for a lock until it is let go must not end up with a file that has lost its name: two would hold it.</summary>
    [Fact]
    public void Many_who_ask_at_once_never_hold_it_together()
    {
        var (holders, most, taken) = (0, 0, 0);
        Parallel.For(0, 8, new ParallelOptions { MaxDegreeOfParallelism = 8 }, _ =>
        {
            for (var i = 0; i < 200; i++)
            {
                try
                {
                    using (_folder.Claim())
                    {
                        most = Math.Max(most, Interlocked.Increment(ref holders));
                        Interlocked.Increment(ref taken);
                        Thread.Yield();
                        Interlocked.Decrement(ref holders);
                    }
                }
                catch (UserErrorException)
                {
                    // Another one has it.
                }
            }
        });
        Assert.Equal(1, most);
        Assert.True(taken > 8);
    }

    [Theory]
    [InlineData(0, new[] { 2, 10, 100 })]
    [InlineData(1, new[] { 100 })]
    [InlineData(2, new[] { 10, 100 })]
    [InlineData(9, new[] { 2, 10, 100 })]
    public void The_oldest_checkpoints_go_by_their_number(int keep, int[] expected)
    {
        foreach (var step in new[] { 100, 2, 10 }) Write(step);
        _folder.Prune(keep);
        Assert.Equal(expected, _folder.Checkpoints.Select(checkpoint => checkpoint.Step));
        Assert.Equal(expected.Length, Entries().Length);
    }

    /// <summary>As transformers does: the best is one of those that are kept, and beside the newest where that is one only.</summary>
    [Theory]
    [InlineData(1, 4, new[] { 4, 10 })]
    [InlineData(1, 10, new[] { 10 })]
    [InlineData(2, 2, new[] { 2, 10 })]
    [InlineData(3, 2, new[] { 2, 8, 10 })]
    [InlineData(3, 8, new[] { 6, 8, 10 })]
    [InlineData(2, 7, new[] { 8, 10 })]
    [InlineData(0, 2, new[] { 2, 4, 6, 8, 10 })]
    public void The_best_checkpoint_stays(int keep, int best, int[] expected)
    {
        foreach (var step in new[] { 2, 4, 6, 8, 10 }) Write(step);
        _folder.Prune(keep, best);
        Assert.Equal(expected, _folder.Checkpoints.Select(checkpoint => checkpoint.Step));
    }

    [Fact]
    public void The_weights_of_the_finished_model_come_last()
    {
        Assert.Throws<IOException>(() => _folder.WriteModel(_ => throw new IOException("full")));
        Assert.Empty(Entries());
        // A folder in the place of config.json stops the moving half-way: nothing may look finished then.
        _temp.Write("out/config.json/in-the-way", "");
        Assert.ThrowsAny<Exception>(() => _folder.WriteModel(Model));
        Assert.False(_folder.IsFinished);
        Directory.Delete(Path.Combine(_folder.Root, "config.json"), recursive: true);
        _folder.WriteModel(Model);
        Assert.True(_folder.IsFinished);
        Assert.Equal(["a.json", "config.json", "model.safetensors"], Entries());

        static void Model(string path)
        {
            foreach (var name in new[] { "model.safetensors", "a.json", "config.json" }) File.WriteAllText(Path.Combine(path, name), name);
        }
    }

    [Fact]
    public void A_folder_that_holds_a_run_is_refused_in_words()
    {
        _folder.RequireFree(overwrite: false);
        _temp.Write("out/notes.txt", "not a run");
        _folder.RequireFree(overwrite: false);
        _temp.Write("out/run.json", "{}");
        Refused($"output_dir: {_folder.Root} already holds a run; start over with overwrite_output_dir: true");
        Write(3);
        Refused($"output_dir: {_folder.Root} already holds a run; continue it with --resume auto, or start over with overwrite_output_dir: true");
        _temp.Write("out/model.safetensors", "");
        Refused($"output_dir: {_folder.Root} already holds a finished run; start over with overwrite_output_dir: true");
        _folder.RequireFree(overwrite: true);
        var file = new RunFolder(_temp.Write("file", ""));
        Assert.Equal($"output_dir: {file.Root} is a file, expected a folder", Assert.Throws<UserErrorException>(() => file.RequireFree(true)).Message);
        Assert.StartsWith($"output_dir: {file.Root}/below cannot be made: ", Assert.Throws<UserErrorException>(() => new RunFolder($"{file.Root}/below").Claim()).Message);
    }

    [Fact]
    public void Starting_over_clears_the_run_and_nothing_else()
    {
        foreach (var step in new[] { 3, 6 }) Write(step);
        foreach (var name in new[] { "run.json", "metrics.jsonl", "timings.jsonl", "model-00001-of-00002.safetensors", "model.safetensors.index.json",
            "model.tmp/x", "checkpoint-9.tmp/x", "notes.txt", "mine.tmp/x" }) _temp.Write($"out/{name}", "");
        _folder.Prepare(0);
        Assert.Equal(["mine.tmp", "notes.txt"], Entries());
    }

    [Fact]
    public void Going_on_keeps_what_came_before_and_drops_what_came_after()
    {
        foreach (var step in new[] { 3, 6, 9 }) Write(step);
        foreach (var name in new[] { "run.json", "metrics.jsonl", "model.safetensors", "checkpoint-12.tmp/x" }) _temp.Write($"out/{name}", "");
        _folder.Prepare(6);
        Assert.Equal(["checkpoint-3", "checkpoint-6", "metrics.jsonl", "run.json"], Entries());
    }

    [Fact]
    public void Its_own_checkpoints_are_told_from_others()
    {
        Assert.True(_folder.Holds(Path.Combine(_folder.Root, "checkpoint-3")));
        Assert.True(new RunFolder(_folder.Root + "/").Holds(Path.Combine(_folder.Root, ".", "checkpoint-3/")));
        Assert.False(_folder.Holds(_temp.PathOf("other/checkpoint-3")));
    }

    private void Refused(string expected) =>
        Assert.Equal(expected, Assert.Throws<UserErrorException>(() => _folder.RequireFree(overwrite: false)).Message);

    private void Write(int step, string content = "{}") =>
        _folder.WriteCheckpoint(step, path => File.WriteAllText(Path.Combine(path, TrainingState.FileName), content));

    private string[] Entries() => [.. Directory.EnumerateFileSystemEntries(_folder.Root).Select(path => Path.GetFileName(path)).Order(StringComparer.Ordinal)];
}
