using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Feedback;

/// <summary>
/// An output folder that shows a run's files only when all of them are whole: they are written to a folder inside it
/// (so on the same file system) and moved out at the end. Without <see cref="Commit"/> nothing is left of them.
/// While it lives no other run can write there.
/// </summary>
public sealed class StagedOutput : IDisposable
{
    private const string StagingName = ".partial", LockName = ".lock";

    // What sft and dpo leave behind: nothing of it is replaced here, so what is left of it would stand among the pairs.
    private static readonly string[] TrainingFiles =
        ["*.safetensors", "*.safetensors.index.json", "config.json", "metrics.jsonl", "checkpoint-*"];

    // What aif replaces when it starts over. The journal of calls is not among it: it was paid for.
    private static readonly StageOutput Pairs = new("aif", folder => Existing(folder, ["audit.json", OutputFolder.RecordName, "train_prefs.*", "test_prefs.*", "completions.jsonl", "failures.jsonl"]));

    private readonly StageOutput _stage;
    private readonly string _folder;
    private readonly string _staging;
    private readonly bool _created;
    private readonly IDisposable _lock;

    /// <param name="run">Names the folder and says whether a run in it may be replaced.</param>
    /// <param name="stage">Whose output it is; aif's when null.</param>
    /// <exception cref="UserErrorException">The folder holds a run already, another run writes to it, or it cannot be written.</exception>
    public StagedOutput(RunOptions run, StageOutput? stage = null)
    {
        _stage = stage ?? Pairs;
        _folder = run.OutputDir;
        _staging = Path.Combine(_folder, StagingName);
        RequireFree(run, _stage);
        _created = !Directory.Exists(_folder);
        try
        {
            Directory.CreateDirectory(_staging);
            _lock = OutputFolder.Lock(PathOf(LockName), _folder);
            // Left there by a run that was killed: its lock died with it.
            foreach (var file in Staged()) File.Delete(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"output_dir {_folder}: cannot be written: {error.Message}", error);
        }
    }

    /// <summary>Where to write a file that will be called <paramref name="name"/>.</summary>
    public string PathOf(string name) => Path.Combine(_staging, name);

    /// <summary>Moves the files to where they belong, in the place of an earlier run's, and returns their paths.</summary>
    /// <param name="last">The file that is moved last: where it is, the others are.</param>
    public IReadOnlyList<string> Commit(string last)
    {
        foreach (var file in _stage.Files(_folder).ToArray()) File.Delete(file);
        string[] names = [.. Staged().Select(file => Path.GetFileName(file)!)
            .OrderBy(name => name == last).ThenBy(name => name, StringComparer.Ordinal)];
        foreach (var name in names) File.Move(PathOf(name), Path.Combine(_folder, name));
        return [.. names.Select(name => Path.Combine(_folder, name))];
    }

    /// <summary>Removes what was not moved out, and the folder itself where it was made for this run and is empty.</summary>
    public void Dispose()
    {
        if (Directory.Exists(_staging)) Directory.Delete(_staging, recursive: true);
        // Last: as long as the lock is held nobody else writes what is deleted here.
        _lock.Dispose();
        if (_created && Directory.Exists(_folder) && !Directory.EnumerateFileSystemEntries(_folder).Any()) Directory.Delete(_folder);
    }

    /// <summary>Refuses a folder that the output must not go to. Changes nothing.</summary>
    /// <param name="run">Names the folder and says whether a run in it may be replaced.</param>
    /// <param name="output">Whose output it is; aif's when null.</param>
    /// <exception cref="UserErrorException">It is a file, or holds a run that is not to be replaced.</exception>
    public static void RequireFree(RunOptions run, StageOutput? output = null)
    {
        output ??= Pairs;
        var folder = run.OutputDir;
        if (File.Exists(folder)) throw new UserErrorException($"output_dir {folder}: found a file, expected a folder");
        if (OtherStage(folder, output.Stage) is { } stage)
            throw new UserErrorException($"output_dir {folder}: holds the output of {stage}, which {output.Stage} never overwrites, expected a folder of its own");
        if (!run.OverwriteOutputDir && output.Files(folder).FirstOrDefault() is { } file)
            throw new UserErrorException(
                $"output_dir {folder}: holds a run's output already ({Path.GetFileName(file)}), "
                + "expected an empty folder, or overwrite_output_dir: true to start over");
    }

    /// <summary>Whose folder it is, where it is another stage's: its files would stay among the new ones and lose their run.json.</summary>
    private static string? OtherStage(string folder, string own)
    {
        if (OutputFolder.StageOf(folder) is { } recorded && recorded != own) return recorded;
        return Existing(folder, TrainingFiles).FirstOrDefault() is { } file ? $"a training run ({Path.GetFileName(file)})" : null;
    }

    private static IEnumerable<string> Existing(string folder, string[] patterns) =>
        Directory.Exists(folder) ? patterns.SelectMany(pattern => Directory.EnumerateFileSystemEntries(folder, pattern)) : [];

    private IEnumerable<string> Staged() => Directory.EnumerateFiles(_staging).Where(file => Path.GetFileName(file) != LockName);
}

/// <summary>Whose an output folder is, and which files of an earlier run of it are replaced.</summary>
/// <param name="Stage">aif, clean.</param>
/// <param name="Files">Those that stand in a folder.</param>
public sealed record StageOutput(string Stage, Func<string, IEnumerable<string>> Files);
