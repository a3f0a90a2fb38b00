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
    /// <param name="folder">The output folder.</param>
    /// <param name="stage">sft or dpo.</param>
    /// <param name="overwrite">overwrite_output_dir.</param>
    /// <param name="resume">auto, never or a checkpoint folder.</param>
    /// <exception cref="UserErrorException">The folder holds a run that would be lost, or the named checkpoint is none.</exception>
    public static string? Choose(RunFolder folder, string stage, bool overwrite, string resume)
    {
        if (resume is not ("auto" or "never"))
        {
            if (!File.Exists(Path.Combine(resume, TrainingState.FileName)))
                throw new UserErrorException($"--resume {resume}: there is no {TrainingState.FileName} in it; expected auto, never or a checkpoint folder");
            // A checkpoint of this folder goes on with its unfinished run; any other one begins a run here.
            if (folder.IsFinished || !folder.Holds(resume)) folder.RequireFree(overwrite);
            return resume;
        }
        if (resume == "auto" && !overwrite && !folder.IsFinished)
        {
            if (folder.Checkpoints is [.., var newest]) return newest.Path;
            // A run of this stage that broke off before its first checkpoint: going on is starting over, and nothing is lost.
            if (RunRecord.StageOf(folder.Root) == stage) return null;
        }
        folder.RequireFree(overwrite);
        return null;
    }
}
