using System.Security.Cryptography;
using System.Text;
using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Sources;

namespace Zephyr.Pipeline;

/// <summary>Names prepared rows by everything that they depend on: the program, the tokenizer, the files' content, the keys that say what becomes of a row.</summary>
internal static class RowsKey
{
    /// <summary>
    /// Keys of the groups below that change no row, or only by the files they name. All others count, so that a new one does
    /// until somebody has thought about it.
    /// </summary>
    internal static readonly HashSet<string> Without =
    [
        "dataset", "eval_dataset", "dataset_mixer", "dataset_splits", "dataset_num_proc", "dataset_cache_dir",
        "beta", "loss_type", "loss_weights", "label_smoothing", "rpo_alpha", "ld_alpha", "f_divergence_type", "f_alpha_divergence_coef", "discopop_tau",
        "reference", "ref_model_name_or_path", "pair_layout", "disable_dropout",
    ];

    private static readonly string[] Groups = ["Data", "Sft", "Dpo"];

    /// <summary>The key.</summary>
    /// <param name="config">The stage's configuration.</param>
    /// <param name="data">Its group of the rows.</param>
    /// <param name="seed">The run's seed, which chooses what is held out.</param>
    /// <param name="stage">The tokenizer, and the hashes of files.</param>
    /// <param name="files">The files of the rows, which are read with all cores at work.</param>
    /// <param name="cancellation">Ends that.</param>
    /// <returns>A SHA-256.</returns>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static byte[] Of<TConfig>(TConfig config, DataOptions data, long seed, TrainingStage stage, StageFiles files, CancellationToken cancellation)
        where TConfig : class, new()
    {
        var schema = ConfigSchema.Of<TConfig>();
        var text = new StringBuilder();
        // The build names the code: a changed program may make other rows of the same files.
        text.Append($"{schema.Stage} rows by {typeof(RowsKey).Module.ModuleVersionId}\n");
        text.Append($"tokenizer {Convert.ToHexStringLower(SHA256.HashData(stage.Tokenizer.Model.Bytes.Span))}\n");
        foreach (var key in schema.Keys.Where(key => Groups.Contains(key.Group) && !Without.Contains(key.Name)))
            text.Append($"{key.Name}: {YamlText.Of(key.Get(config))}\n");
        if (data.EvalFraction > 0) text.Append($"seed: {seed}\n");

        foreach (var _ in files.All.Distinct().SelectOrdered(file => stage.Hashes.Of(file, cancellation), data.DatasetNumProc, cancellation)) { }
        foreach (var (side, file) in files.Sides)
            text.Append($"{side} {stage.Hashes.Of(file.Path, cancellation)} {FormatOf(file.Path)} {file.Rows}{(NamesFiles(data) ? " " + file.Path : "")}\n");
        return SHA256.HashData(Encoding.UTF8.GetBytes(text.ToString()));
    }

    private static string FormatOf(string file) => DataFileName.IsParquet(file) ? "parquet" : DataFileName.CompressionOf(file) ?? "lines";

    /// <summary>Files may be moved or renamed, but for where what is noted of the rows names them.</summary>
    private static bool NamesFiles(DataOptions data) => data.OnBadRow == "skip";
}
