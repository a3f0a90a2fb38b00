using Zephyr.Configuration;
using Zephyr.Runtime;

namespace Zephyr.Feedback;

/// <summary>
/// An output folder that shows a run's files only when all of them are whole: they are written to a folder inside it
/// (so on the same file system) and moved out at the end. Without <see cref="Commit"/> nothing is left of them.
/// </summary>
public sealed class StagedOutput : IDisposable
{
    private const string StagingName = ".partial";

    // What any stage of the recipe leaves behind, so that no stage writes into another one's folder by mistake.
    private static readonly string[] RunFiles =
        ["audit.json", "run.json", "metrics.jsonl", "config.json", "train_prefs.*", "test_prefs.*", "*.safetensors"];

    // What this stage replaces when it starts over.
    private static readonly string[] OwnFiles = ["audit.json", "run.json", "train_prefs.*", "test_prefs.*"];

    private readonly string _folder;
    private readonly string _staging;
    private readonly bool _created;

    /// <param name="run">Names the folder and says whether a run in it may be replaced.</param>
    /// <exception cref="UserErrorException">The folder holds a run already, or cannot be written.</exception>
    public StagedOutput(RunOptions run)
    {
        _folder = run.OutputDir;
        _staging = Path.Combine(_folder, StagingName);
        if (File.Exists(_folder)) throw new UserErrorException($"output_dir {_folder}: found a file, expected a folder");
        if (!run.OverwriteOutputDir && Existing(RunFiles).FirstOrDefault() is { } file)
            throw new UserErrorException(
                $"output_dir {_folder}: holds a run's output already ({Path.GetFileName(file)}), "
                + "expected an empty folder, or overwrite_output_dir: true to start over");
        _created = !Directory.Exists(_folder);
        try
        {
            DeleteStaging();
            Directory.CreateDirectory(_staging);
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
        foreach (var file in Existing(OwnFiles).ToArray()) File.Delete(file);
        string[] names = [.. Directory.EnumerateFiles(_staging).Select(file => Path.GetFileName(file)!)
            .OrderBy(name => name == last).ThenBy(name => name, StringComparer.Ordinal)];
        foreach (var name in names) File.Move(PathOf(name), Path.Combine(_folder, name));
        return [.. names.Select(name => Path.Combine(_folder, name))];
    }

    /// <summary>Removes what was not moved out, and the folder itself where it was made for this run and is empty.</summary>
    public void Dispose()
    {
        DeleteStaging();
        if (_created && !Directory.EnumerateFileSystemEntries(_folder).Any()) Directory.Delete(_folder);
    }

    private IEnumerable<string> Existing(string[] patterns) =>
        Directory.Exists(_folder) ? patterns.SelectMany(pattern => Directory.EnumerateFiles(_folder, pattern)) : [];

    private void DeleteStaging()
    {
        if (Directory.Exists(_staging)) Directory.Delete(_staging, recursive: true);
    }
}
