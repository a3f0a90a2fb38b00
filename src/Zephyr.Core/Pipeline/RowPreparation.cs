using Zephyr.Data.Prepared;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>How a stage's rows are made.</summary>
/// <param name="Format">How they are kept.</param>
/// <param name="Key">Names what they depend on; asked only where they may have been kept.</param>
/// <param name="Make">Begins to make both sides as they are taken, given what takes the lines to be noted and a folder for what has to wait meanwhile.</param>
internal sealed record RowRecipe<T>(IRowFormat<T> Format, Func<byte[]> Key, Func<Action<string>, string, (IEnumerable<T> Train, IEnumerable<T> Held)> Make);

/// <summary>The tokenized rows of a stage, in a file: an earlier run's where it was given the same, or made now and kept for a later one.</summary>
/// <param name="stage">Takes the notes.</param>
/// <param name="files">Where the rows come from.</param>
/// <param name="cacheDir">dataset_cache_dir.</param>
/// <param name="leavesNothing">What is there may be used, but nothing is to be written that stays.</param>
internal sealed class RowPreparation(TrainingStage stage, StageFiles files, string? cacheDir, bool leavesNothing)
{
    /// <summary>Finds or makes them. What was noted while they were made is noted either way.</summary>
    /// <exception cref="UserErrorException">A bad row, or no room for the rows.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing stays.</exception>
    public PreparedFile<T> Run<T>(RowRecipe<T> recipe, CancellationToken cancellation)
    {
        var folder = PreparedFolder.Of(cacheDir);
        if (folder is null) return Noted(Made(ScratchFile.CreateNameless(), recipe, default));
        var key = recipe.Key();
        var path = folder.PathOf(key);
        var found = folder.Find(key, recipe.Format, cancellation);
        if (found.File is { } rows)
        {
            if (!leavesNothing) folder.Touch(key);
            return Noted(rows, $"prepared rows: {path}, made by an earlier run of the same rows, tokenizer and options");
        }
        if (leavesNothing) return Noted(Made(ScratchFile.CreateNameless(), recipe, key));
        if (found.Damaged) stage.Note($"prepared rows: {path} is damaged and was made again");
        return Begin(folder, key) is { } aside
            ? Noted(Kept(folder, aside, recipe, key), $"prepared rows: kept in {path} for the next run of the same rows, tokenizer and options")
            : Noted(Made(ScratchFile.CreateNameless(), recipe, key));
    }

    private FileStream? Begin(PreparedFolder folder, byte[] key)
    {
        try
        {
            return folder.Begin(key);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            stage.Note($"dataset_cache_dir: {Path.GetDirectoryName(folder.PathOf(key))} cannot be written ({error.Message}), so the prepared rows are not kept");
            return null;
        }
    }

    private PreparedFile<T> Kept<T>(PreparedFolder folder, FileStream aside, RowRecipe<T> recipe, byte[] key)
    {
        var done = false;
        try
        {
            var rows = Made(aside, recipe, key);
            folder.Keep(aside, key);
            done = true;
            return rows;
        }
        finally
        {
            if (!done) folder.Forget(aside);
        }
    }

    private PreparedFile<T> Made<T>(FileStream file, RowRecipe<T> recipe, ReadOnlySpan<byte> key)
    {
        var notes = new List<string>();
        try
        {
            var (train, held) = recipe.Make(notes.Add, Path.GetDirectoryName(file.Name)!);
            return PreparedFile<T>.Write(file, new(recipe.Format, stage.Tokenizer.HasNarrowIds, train, held, Said), key);
        }
        catch
        {
            file.Dispose();
            throw;
        }

        IEnumerable<string> Said()
        {
            // By now all is read.
            stage.Hashes.RequireUnchanged(files.All);
            return notes.Concat(files.Bad.Describe());
        }
    }

    private PreparedFile<T> Noted<T>(PreparedFile<T> rows, params ReadOnlySpan<string> more)
    {
        foreach (var note in rows.Notes) stage.Note(note);
        foreach (var note in more) stage.Note(note);
        return rows;
    }
}
