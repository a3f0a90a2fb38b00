using System.Globalization;
using Zephyr.Runtime;

namespace Zephyr.Training;

/// <summary>
/// The output folder of a run: checkpoints that exist wholly or not at all (decision 9), and the trained model at the top.
/// Everything is written beside, flushed, and renamed.
/// </summary>
public sealed class RunFolder(string root)
{
    private const string CheckpointPrefix = "checkpoint-", Unfinished = ".tmp";
    private static readonly string[] RunFiles = ["metrics.jsonl", "timings.jsonl", "run.json"];
    private static readonly string[] WeightFiles = ["model.safetensors", "model.safetensors.index.json"];

    /// <summary>The folder itself.</summary>
    public string Root { get; } = root;

    /// <summary>The whole checkpoints, oldest first.</summary>
    public IReadOnlyList<(int Step, string Path)> Checkpoints =>
        !Directory.Exists(Root) ? [] : [.. Directory.EnumerateDirectories(Root, CheckpointPrefix + "*")
            .Select(path => (Step: StepOf(path), Path: path))
            .Where(checkpoint => checkpoint.Step > 0 && File.Exists(Path.Combine(checkpoint.Path, TrainingState.FileName)))
            .OrderBy(checkpoint => checkpoint.Step)];

    /// <summary>The trained model stands at the top: the run went to its last step.</summary>
    public bool IsFinished => WeightFiles.Any(file => File.Exists(Path.Combine(Root, file)));

    /// <summary>Refuses a folder that holds a run, unless it is to be overwritten. Changes nothing.</summary>
    /// <exception cref="UserErrorException">It holds a run already, or is a file.</exception>
    public void RequireFree(bool overwrite)
    {
        if (File.Exists(Root)) throw new UserErrorException($"output_dir: {Root} is a file, expected a folder");
        if (HoldsRun && !overwrite)
            throw new UserErrorException($"output_dir: {Root} already holds a {(IsFinished ? "finished " : "")}run; "
                + $"{(IsFinished ? "" : "continue it with --resume auto, or ")}start over with overwrite_output_dir: true");
    }

    /// <summary>Creates the folder for a new run, and clears an old run's files out of it where that was asked for.</summary>
    /// <exception cref="UserErrorException">It holds a run already.</exception>
    public void PrepareFresh(bool overwrite)
    {
        RequireFree(overwrite);
        Directory.CreateDirectory(Root);
        foreach (var (_, path) in Checkpoints) Directory.Delete(path, recursive: true);
        foreach (var file in RunFiles.Concat(WeightFiles)) File.Delete(Path.Combine(Root, file));
        foreach (var shard in Directory.EnumerateFiles(Root, "model-*-of-*.safetensors")) File.Delete(shard);
    }

    /// <summary>Makes checkpoint-STEP appear whole.</summary>
    /// <param name="step">The step it was taken after.</param>
    /// <param name="write">Fills a folder.</param>
    /// <returns>The checkpoint's path.</returns>
    public string WriteCheckpoint(int step, Action<string> write)
    {
        var path = Path.Combine(Root, string.Create(CultureInfo.InvariantCulture, $"{CheckpointPrefix}{step}"));
        var aside = path + Unfinished;
        FillAside(aside, write);
        if (Directory.Exists(path)) Directory.Delete(path, recursive: true);
        Directory.Move(aside, path);
        return path;
    }

    /// <summary>Puts the trained model's files at the top of the folder, each renamed into place.</summary>
    public void WriteModel(Action<string> write)
    {
        var aside = Path.Combine(Root, "model" + Unfinished);
        FillAside(aside, write);
        foreach (var file in Directory.EnumerateFiles(aside)) File.Move(file, Path.Combine(Root, Path.GetFileName(file)), overwrite: true);
        Directory.Delete(aside);
    }

    /// <summary>Removes the oldest checkpoints but for <paramref name="keep"/>; 0 keeps all. The newest always stays.</summary>
    public void Prune(int keep)
    {
        if (keep == 0) return;
        foreach (var (_, path) in Checkpoints.SkipLast(keep)) Directory.Delete(path, recursive: true);
    }

    private bool HoldsRun => Checkpoints.Count > 0 || RunFiles.Concat(WeightFiles).Any(file => File.Exists(Path.Combine(Root, file)));

    private static void FillAside(string aside, Action<string> write)
    {
        if (Directory.Exists(aside)) Directory.Delete(aside, recursive: true);
        Directory.CreateDirectory(aside);
        try
        {
            write(aside);
        }
        catch
        {
            Directory.Delete(aside, recursive: true);
            throw;
        }
    }

    private static int StepOf(string path) =>
        int.TryParse(Path.GetFileName(path)[CheckpointPrefix.Length..], NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : 0;
}
