using System.Text.Json.Nodes;
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
    /// <summary>Keys that may change between two parts of a run: where it writes and when, and what gives the same numbers either way.</summary>
    private static readonly HashSet<string> Free =
    [
        "output_dir", "overwrite_output_dir", "logging_steps", "report_to", "logging_dir", "eval_strategy", "eval_steps", "eval_on_start", "save_strategy", "save_steps",
        "save_total_limit", "max_shard_size", "per_device_eval_batch_size", "device", "attn_implementation", "gradient_checkpointing", "gradient_checkpointing_every", "pair_layout", "dataset_num_proc", "dataset_cache_dir",
        "optim_state_device",
        // They choose among models or say what is told; a run that stopped at a step that is not finite may go on by skipping it.
        "metric_for_best_model", "greater_is_better", "load_best_model_at_end", "early_stopping_patience", "early_stopping_threshold",
        "preflight", "memory_check", "on_nonfinite", "max_consecutive_skips", "loss_spike_factor",
        // What these lead to is compared: the content of the training rows, their number, the steps.
        "dataset", "eval_dataset", "eval_fraction", "num_train_epochs", "max_steps",
    ];

    /// <summary>The values that a run must keep for its steps to go on meaning the same.</summary>
    /// <param name="config">Each key with its value and origin.</param>
    /// <param name="content">Names the content of the training rows and of the reference model; null leaves it out, where files are not hashed.</param>
    public static IReadOnlyDictionary<string, string> MeaningOf(JsonObject config, string? content = null) => config.Where(entry => !Free.Contains(entry.Key))
        .Select(entry => KeyValuePair.Create(entry.Key, entry.Value!["value"]?.ToJsonString() ?? "null"))
        .Concat(content is null ? [] : [KeyValuePair.Create("content of the input files", content)]).ToDictionary();

    /// <summary>Those of them that say which adapter is trained: a checkpoint of another one could not even be read.</summary>
    public static SortedDictionary<string, string> MeaningOfAdapters(JsonObject config) =>
        new(MeaningOf(config).Where(entry => Adapters.Contains(entry.Key)).ToDictionary(), StringComparer.Ordinal);

    private static readonly HashSet<string> Adapters = ["use_peft", "lora_r", "lora_alpha", "lora_target_modules", "use_rslora"];

    /// <summary>
    /// Which keys have another value than in the part of the run that wrote a checkpoint, for a note. Those that a run must keep are refused by
    /// <see cref="TrainingState.RequireSameShape"/>, with their values; what is told here may change.
    /// </summary>
    /// <param name="checkpoint">The checkpoint; the run.json beside it says with which values it was written.</param>
    /// <param name="config">Each key with its value and origin.</param>
    public static IEnumerable<string> ChangesSince(string checkpoint, JsonObject config) =>
        RecordBeside(checkpoint)?["config"] is JsonObject before ? Differences(before, config, config.Select(key => key.Key), key => key?["value"]) : [];

    /// <summary>What is different about the program or the machine, on which the last bits of sums depend.</summary>
    /// <inheritdoc cref="ChangesSince"/>
    public static IEnumerable<string> OtherGround(string checkpoint, JsonObject record) =>
        RecordBeside(checkpoint) is { } before ? Differences(before, record, ["zephyr", "torchsharp", "libtorch", "threads", "device", "processor"], node => node is JsonObject part ? part["version"] : node) : [];

    private static IEnumerable<string> Differences(JsonObject before, JsonObject now, IEnumerable<string> names, Func<JsonNode?, JsonNode?> valueOf) =>
        from name in names
        where before.ContainsKey(name)
        let values = (Before: valueOf(before[name]), Now: valueOf(now[name]))
        where !JsonNode.DeepEquals(values.Before, values.Now)
        select $"{name} was {values.Before?.ToJsonString() ?? "null"} and is {values.Now?.ToJsonString() ?? "null"}";

    private static JsonObject? RecordBeside(string checkpoint) =>
        Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(checkpoint))) is { } folder ? RunRecord.Read(folder) : null;

    /// <summary>The checkpoint to continue, or null to start over. Changes nothing on disk.</summary>
    /// <param name="folder">The output folder.</param>
    /// <param name="stage">sft or dpo.</param>
    /// <param name="overwrite">overwrite_output_dir.</param>
    /// <param name="resume">auto, never or a checkpoint folder.</param>
    /// <param name="note">Told of checkpoints that are left out because they are not whole.</param>
    /// <param name="cancellation">Ends the check of large checkpoints.</param>
    /// <exception cref="UserErrorException">The folder holds a run that would be lost, or the named checkpoint is none or not whole.</exception>
    public static string? Choose(RunFolder folder, string stage, bool overwrite, string resume, Action<string> note, CancellationToken cancellation)
    {
        folder.RequireUnclaimed();
        if (resume is not ("auto" or "never"))
        {
            if (!File.Exists(Path.Combine(resume, TrainingState.FileName)))
                throw new UserErrorException($"--resume {resume}: there is no {TrainingState.FileName} in it; expected auto, never or a checkpoint folder");
            // A checkpoint of this folder goes on with its unfinished run; any other one begins a run here.
            if (folder.IsFinished || !folder.Holds(resume)) folder.RequireFree(overwrite);
            else if (!overwrite) folder.RequireNewest(resume);
            if (CheckpointManifest.Problems(resume, cancellation).FirstOrDefault() is { } problem)
                throw new UserErrorException($"--resume {resume}: the checkpoint is not whole: {problem}; expected a whole one, or auto for the newest of those");
            return resume;
        }
        if (resume == "auto" && !overwrite && !folder.IsFinished)
        {
            if (folder.Named.Count > 0) return NewestWhole(folder, note, cancellation);
            // A run of this stage that broke off before its first checkpoint: going on is starting over, and nothing is lost.
            if (OutputFolder.StageOf(folder.Root) == stage) return null;
        }
        folder.RequireFree(overwrite);
        return null;
    }

    /// <summary>Steps after the one that is chosen are taken again, to the same bits: what is not whole is no loss as long as one is.</summary>
    private static string NewestWhole(RunFolder folder, Action<string> note, CancellationToken cancellation)
    {
        List<string> broken = [];
        foreach (var (_, path) in folder.Named.Reverse())
        {
            if (CheckpointManifest.Problems(path, cancellation).FirstOrDefault() is not { } problem)
            {
                if (broken.Count > 0) note($"{string.Join("; ", broken)}; the run goes on from {path}, the newest whole checkpoint");
                return path;
            }
            broken.Add($"{path} is not whole: {problem}");
        }
        throw new UserErrorException($"output_dir: no checkpoint in {folder.Root} is whole, so nothing is touched: {string.Join("; ", broken)}; "
            + "expected a whole one, or --resume never with overwrite_output_dir: true to start over");
    }
}
