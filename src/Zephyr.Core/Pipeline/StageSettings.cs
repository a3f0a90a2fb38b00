using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>What a stage is told beside its configuration.</summary>
/// <param name="Resume">auto (the newest checkpoint in output_dir), never, or a checkpoint folder.</param>
/// <param name="Observer">Who watches.</param>
public sealed record StageSettings(string Resume, ITrainingObserver Observer);

/// <summary>Where a run goes on from.</summary>
internal static class ResumePoint
{
    /// <summary>The checkpoint to continue, or null to start over. Changes nothing on disk.</summary>
    /// <exception cref="UserErrorException">The folder holds a finished run, or the named checkpoint is none.</exception>
    public static string? Choose(RunFolder folder, bool overwrite, string resume)
    {
        if (resume is not ("auto" or "never"))
            return File.Exists(Path.Combine(resume, TrainingState.FileName)) ? resume
                : throw new UserErrorException($"--resume {resume}: there is no {TrainingState.FileName} in it; expected auto, never or a checkpoint folder");
        var goOn = resume == "auto" && !overwrite && !folder.IsFinished && folder.Checkpoints.Count > 0;
        if (goOn) return folder.Checkpoints[^1].Path;
        folder.RequireFree(overwrite);
        return null;
    }
}
