using System.Globalization;
using System.Security.Cryptography;
using System.Text;
using Zephyr.Data.Text;
using Zephyr.Model.Adapters;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>The reference's log-probabilities of a run's pairs, computed before training and kept in its output folder (decision 10).</summary>
internal static class CachedReferenceOf
{
    /// <summary>Computes what is not there yet, with the reference in memory for just so long.</summary>
    /// <param name="run">Pairs, reference and output folder.</param>
    /// <param name="settings">The objective's: how passes are laid out and sums weighted.</param>
    /// <param name="workspace">Where logits are made.</param>
    /// <param name="batchSize">The most pairs in a forward pass.</param>
    /// <param name="cancellation">Ends it between two batches; what was computed stays for the next start.</param>
    /// <exception cref="UserErrorException">The run goes on from a checkpoint that was trained against another reference.</exception>
    /// <exception cref="RunFailedException">The sums could not be written, or one is not finite.</exception>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    public static CachedReference Run(PreparedRun<TokenizedPair> run, DpoSettings settings, LogitsWorkspace workspace, int batchSize, CancellationToken cancellation)
    {
        var stage = run.Stage;
        using var claim = stage.Folder.Claim();
        var path = Path.Combine(stage.Folder.Root, ReferenceCache.FileName);
        var cache = new ReferenceCache(path, IdentityOf(run.Reference!, stage, settings));
        if (cache.Stale && stage.Checkpoint is not null && stage.Folder.Holds(stage.Checkpoint))
            throw new UserErrorException($"{path}: was computed with another reference than {run.Reference}, or in another precision, and {stage.Checkpoint} was trained on it; "
                + "expected the reference that the run began with");
        // Gone through twice rather than held.
        var missing = cache.Missing(run.Rows.Train.Concat(run.Rows.Held));
        var count = missing.Count();
        stage.Note($"reference log-probabilities of {run.Rows.Train.Count + run.Rows.Held.Count} pairs: {count} computed{(cache.Stale ? " (those that were there are another reference's)" : "")}, kept in {path}");
        if (count > 0)
        {
            using var reference = stage.LoadReference(run.Reference!);
            Fill(path, () => cache.Fill(run.Limit.BatchesInOrder(missing, batchSize), new FrozenReference(reference, settings, workspace),
                done => stage.Prepared("reference log-probabilities", done, count), cancellation));
        }
        return new(cache.Known, stage.Device);
    }

    private static void Fill(string path, Action fill)
    {
        try
        {
            fill();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RunFailedException($"{path}: could not be written: {error.Message}; what was computed goes on from there", error);
        }
    }

    /// <summary>Names what the sums depend on besides the pairs' token ids: the content of the reference's files, the precision, and the weight of tails.</summary>
    private static string IdentityOf(string folder, TrainingStage stage, DpoSettings settings)
    {
        var parts = stage.FilesOf(folder).Where(file => Path.GetExtension(file) == ".safetensors" || Path.GetFileName(file) is "config.json" or AdapterConfigFile.FileName)
            .Select(file => stage.Hashes.Of(file))
            .Append(stage.Precision).Append(settings.TailWeight?.ToString("R", CultureInfo.InvariantCulture) ?? "plain");
        return Convert.ToHexStringLower(SHA256.HashData(Encoding.UTF8.GetBytes(string.Join('\n', parts))));
    }
}
