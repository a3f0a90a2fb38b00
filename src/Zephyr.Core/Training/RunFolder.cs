using System.Globalization;
using Zephyr.Runtime;

namespace Zephyr.Training;

/// <summary>
/// The output folder of a run: checkpoints that exist wholly or not at all (decision 9), and the trained model at the top.
/// Everything is written beside, flushed, and renamed; everything is renamed away before it is deleted.
/// </summary>
public sealed class RunFolder(string root)
{
    private const string CheckpointPrefix = "checkpoint-", Unfinished = ".tmp";
    private static readonly string[] RunFiles = ["metrics.jsonl", "timings.jsonl", "run.json"];

    // Where one of these stands, the whole model does: they are moved into place last.
    private static readonly string[] WeightFiles = ["model.safetensors", "model.safetensors.index.json", "adapter_model.safetensors"];

    /// <summary>Where it stands the folder is an adapter's, whatever else is there.</summary>
    private const string AdapterConfig = "adapter_config.json";

    /// <summary>The folder itself.</summary>
    public string Root { get; } = root;

    /// <summary>Everything that is called a checkpoint, oldest first; whether it is one, <see cref="CheckpointManifest"/> says.</summary>
    public IReadOnlyList<(int Step, string Path)> Named =>
        !Directory.Exists(Root) ? [] : [.. Directory.EnumerateDirectories(Root, CheckpointPrefix + "*")
            .Select(path => (Step: StepOf(path), Path: path)).Where(checkpoint => checkpoint.Step > 0).OrderBy(checkpoint => checkpoint.Step)];

    /// <summary>The checkpoints that are whole by the names and lengths of their files, oldest first.</summary>
    public IReadOnlyList<(int Step, string Path)> Checkpoints => [.. Named.Where(checkpoint => CheckpointManifest.LooksWhole(checkpoint.Path))];

    /// <summary>The trained model stands at the top: the run went to its last step.</summary>
    public bool IsFinished => WeightFiles.Any(file => File.Exists(Path.Combine(Root, file)));

    /// <summary>What a run that breaks off leaves to go on from, for its last message.</summary>
    public string Kept => Checkpoints is [.., var newest] ? $"the newest whole checkpoint is {newest.Path}" : "no checkpoint had been written yet";

    /// <summary>Whether a path is one of this folder's own checkpoints.</summary>
    public bool Holds(string checkpoint) =>
        Path.GetDirectoryName(Path.TrimEndingDirectorySeparator(Path.GetFullPath(checkpoint))) == Path.TrimEndingDirectorySeparator(Path.GetFullPath(Root));

    /// <summary>What stands here that a run goes by: whoever decided something on it can see whether it is still so.</summary>
    public string Signature => $"{IsFinished}, {string.Join(", ", Named.Select(checkpoint => checkpoint.Step))}";

    /// <summary>Refuses a folder that another run is writing to, before anything long is begun. Changes nothing.</summary>
    /// <exception cref="UserErrorException">It is another's.</exception>
    public void RequireUnclaimed()
    {
        if (File.Exists(LockFile)) Claim().Dispose();
    }

    /// <summary>Keeps other runs out as long as it is held. The lock of a process that died is nobody's, and is taken.</summary>
    /// <exception cref="UserErrorException">Another run is at work here, or the folder cannot be made.</exception>
    public IDisposable Claim()
    {
        try
        {
            Directory.CreateDirectory(Root);
            return OutputFolder.Lock(LockFile, Root);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new UserErrorException($"output_dir: {Root} cannot be made: {error.Message}", error);
        }
    }

    /// <summary>Refuses to go on from a checkpoint that is not the newest: the ones after it would be lost.</summary>
    public void RequireNewest(string checkpoint)
    {
        if (Checkpoints is [.., var newest] && StepOf(Path.TrimEndingDirectorySeparator(checkpoint)) < newest.Step)
            throw new UserErrorException($"--resume {checkpoint}: {newest.Path} is newer and would be lost; expected the newest checkpoint, or overwrite_output_dir: true");
    }

    /// <summary>Refuses a folder that holds a run, unless it is to be overwritten. Changes nothing.</summary>
    /// <exception cref="UserErrorException">It holds a run already, or is a file.</exception>
    public void RequireFree(bool overwrite)
    {
        if (File.Exists(Root)) throw new UserErrorException($"output_dir: {Root} is a file, expected a folder");
        if (HoldsRun && !overwrite)
            throw new UserErrorException($"output_dir: {Root} already holds a {(IsFinished ? "finished " : "")}run; "
                + $"{(IsFinished || Checkpoints.Count == 0 ? "" : "continue it with --resume auto, or ")}start over with overwrite_output_dir: true");
    }

    /// <summary>
    /// Makes the folder ready for the steps after <paramref name="step"/>: a run's files from before it stay, what a run left
    /// there for later steps goes, and at step 0 everything of it. The caller has decided that this is wanted.
    /// </summary>
    /// <param name="step">The step of this folder's checkpoint that the run goes on from; 0 for a fresh one.</param>
    public void Prepare(int step)
    {
        foreach (var leftover in Directory.EnumerateDirectories(Root, "*" + Unfinished).Where(IsOwnLeftover)) Directory.Delete(leftover, recursive: true);
        foreach (var (_, path) in Named.Where(checkpoint => checkpoint.Step > step)) Remove(path);
        // The weights first: without them no half-deleted model can pass for a finished run.
        foreach (var file in step == 0 ? [.. WeightFiles, AdapterConfig, .. RunFiles] : WeightFiles.Append(AdapterConfig)) File.Delete(Path.Combine(Root, file));
        foreach (var shard in Directory.EnumerateFiles(Root, "model-*-of-*.safetensors")) File.Delete(shard);
    }

    /// <summary>Makes checkpoint-STEP appear whole.</summary>
    /// <param name="step">The step it was taken after.</param>
    /// <param name="write">Fills a folder.</param>
    /// <returns>The checkpoint's path.</returns>
    public string WriteCheckpoint(int step, Action<string> write)
    {
        var path = CheckpointAfter(step);
        var aside = path + Unfinished;
        FillAside(aside, folder =>
        {
            write(folder);
            CheckpointManifest.Write(folder);
        });
        // A line that the checkpoint counts on must not be lost where the checkpoint is not.
        foreach (var file in RunFiles.Select(name => Path.Combine(Root, name)).Where(File.Exists)) DiskFlush.OfFile(file);
        var old = path + ".old" + Unfinished;
        if (Directory.Exists(old)) Directory.Delete(old, recursive: true);
        if (Directory.Exists(path)) Directory.Move(path, old);
        Directory.Move(aside, path);
        DiskFlush.OfFolder(Root);
        if (Directory.Exists(old)) Directory.Delete(old, recursive: true);
        return path;
    }

    /// <summary>Puts the trained model's files at the top of the folder, each renamed into place, the weights last.</summary>
    public void WriteModel(Action<string> write)
    {
        var aside = Path.Combine(Root, "model" + Unfinished);
        FillAside(aside, write);
        foreach (var file in Directory.GetFiles(aside).OrderBy(file => WeightFiles.Contains(Path.GetFileName(file))).ThenBy(file => file, StringComparer.Ordinal))
            File.Move(file, Path.Combine(Root, Path.GetFileName(file)), overwrite: true);
        Directory.Delete(aside);
        DiskFlush.OfFolder(Root);
    }

    /// <summary>
    /// Removes the oldest checkpoints but for <paramref name="keep"/> whole ones; 0 keeps all. The newest always stays, and so does the best. One that is torn
    /// counts for none, so that the last whole one always stays.
    /// </summary>
    /// <param name="keep">How many to keep. The best one is among them, but for 1: then it stays beside the newest, as in transformers.</param>
    /// <param name="best">The step of the best one; 0 where there is none.</param>
    public void Prune(int keep, int best = 0)
    {
        var whole = Checkpoints;
        if (keep == 0 || whole.Count == 0) return;
        var others = whole.SkipLast(1).Where(checkpoint => checkpoint.Step != best).ToList();
        var stay = Math.Max(0, keep - (whole.Count - others.Count));
        HashSet<int> kept = [whole[^1].Step, best, .. others.TakeLast(stay).Select(checkpoint => checkpoint.Step)];
        var oldest = kept.Where(step => step != best || step == whole[^1].Step).Min();
        foreach (var (step, path) in Named.Where(checkpoint => checkpoint.Step < oldest && !kept.Contains(checkpoint.Step))) Remove(path);
    }

    /// <summary>Where the checkpoint after a step stands, or would.</summary>
    public string CheckpointAfter(int step) => Path.Combine(Root, string.Create(CultureInfo.InvariantCulture, $"{CheckpointPrefix}{step}"));

    /// <summary>What checkpoints and the trained model take on the disk.</summary>
    public long RunBytes => !Directory.Exists(Root) ? 0
        : Named.SelectMany(checkpoint => Directory.EnumerateFiles(checkpoint.Path)).Concat(Directory.EnumerateFiles(Root, "*model*.safetensors")).Sum(file => new FileInfo(file).Length);

    private string LockFile => Path.Combine(Root, ".lock");

    private bool HoldsRun => Named.Count > 0 || RunFiles.Concat(WeightFiles).Any(file => File.Exists(Path.Combine(Root, file)));

    /// <summary>Deleting takes a while and may be cut off; by then the name no longer promises a whole checkpoint.</summary>
    private static void Remove(string checkpoint)
    {
        var aside = checkpoint + Unfinished;
        if (Directory.Exists(aside)) Directory.Delete(aside, recursive: true);
        Directory.Move(checkpoint, aside);
        Directory.Delete(aside, recursive: true);
    }

    private static void FillAside(string aside, Action<string> write)
    {
        if (Directory.Exists(aside)) Directory.Delete(aside, recursive: true);
        Directory.CreateDirectory(aside);
        try
        {
            WholeFile.Guard(() => write(aside));
            foreach (var file in Directory.EnumerateFiles(aside)) DiskFlush.OfFile(file);
            DiskFlush.OfFolder(aside);
        }
        catch
        {
            Directory.Delete(aside, recursive: true);
            throw;
        }
    }

    private static bool IsOwnLeftover(string path) =>
        Path.GetFileName(path) is var name && (name == "model" + Unfinished || name.StartsWith(CheckpointPrefix, StringComparison.Ordinal));

    private static int StepOf(string path) => Path.GetFileName(path) is var name && name.StartsWith(CheckpointPrefix, StringComparison.Ordinal)
        && int.TryParse(name.AsSpan(CheckpointPrefix.Length), NumberStyles.None, CultureInfo.InvariantCulture, out var step) ? step : 0;
}
