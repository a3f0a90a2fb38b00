using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>An output folder of a training run: its checkpoints and what --resume would do in it.</summary>
/// <param name="Folder">The output folder.</param>
/// <param name="Stage">sft or dpo, by its run.json; null where there is none.</param>
/// <param name="Model">model_name_or_path, by its run.json.</param>
/// <param name="IsFinished">The trained model stands at the top.</param>
/// <param name="Checkpoints">Oldest first.</param>
/// <param name="Resume">What --resume auto would do here.</param>
public sealed record RunInspection(
    string Folder, string? Stage, string? Model, bool IsFinished, IReadOnlyList<CheckpointInspection> Checkpoints, string Resume)
{
    /// <summary>Looks at a checkpoint and the run it stands in, or at all checkpoints of an output folder.</summary>
    /// <exception cref="UserErrorException">The folder is neither.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static RunInspection Of(string folder, CancellationToken cancellation = default)
    {
        if (!Directory.Exists(folder)) throw new UserErrorException($"{folder}: there is no such folder, expected a checkpoint or an output_dir");
        var one = File.Exists(Path.Combine(folder, TrainingState.FileName));
        var root = one ? Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)))! : folder;
        var run = new RunFolder(root);
        if (!one && run.Named.Count == 0)
            throw new UserErrorException($"{folder}: found neither {TrainingState.FileName} nor a checkpoint-N folder, expected a checkpoint or an output_dir with checkpoints");
        List<CheckpointInspection> checkpoints = one
            ? [CheckpointInspection.Of(folder, cancellation)]
            : [.. run.Named.Select(checkpoint => CheckpointInspection.Named(checkpoint.Step, checkpoint.Path, cancellation))];
        // What auto leaves out is said of each; it takes the newest whole one.
        var chosen = checkpoints.LastOrDefault(checkpoint => checkpoint.Problems.Count == 0) ?? checkpoints[^1];
        return new(root, OutputFolder.StageOf(root), ModelOf(root), run.IsFinished, checkpoints, Advise(run, chosen, one ? folder : "auto"));
    }

    private static string Advise(RunFolder run, CheckpointInspection checkpoint, string resume)
    {
        var of = checkpoint.TotalSteps is { } total ? $" of {total}" : "";
        if (checkpoint.Problems.Count > 0) return $"--resume {resume} would be refused: {(resume == "auto" ? "no" : "the")} checkpoint is {(resume == "auto" ? "" : "not ")}whole";
        if (run.IsFinished)
            return resume == "auto"
                ? "--resume auto would be refused: the run is finished; overwrite_output_dir: true starts over"
                : $"--resume {resume} begins a run after step {checkpoint.Step}{of} in another output_dir; in this one, which is finished, only with overwrite_output_dir: true";
        if (resume != "auto" && run.Checkpoints is [.., var newest] && newest.Step > checkpoint.Step && run.Holds(checkpoint.Path))
            return $"--resume {resume} would be refused: {newest.Path} is newer and would be lost; with overwrite_output_dir: true it goes on after step {checkpoint.Step}{of}";
        return $"--resume {resume} goes on after step {checkpoint.Step}{of}{(checkpoint.EvaluationDue ? ", beginning with the evaluation that was cut off" : "")}, "
            + "if the values above are still the run's";
    }

    private static string? ModelOf(string root)
    {
        try
        {
            return (string?)RunRecord.Read(root)?["config"]?["model_name_or_path"]?["value"];
        }
        catch (InvalidOperationException)
        {
            return null;
        }
    }
}
