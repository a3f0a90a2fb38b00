using Zephyr.Data.Text;
using Zephyr.Model.Weights;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Pipeline;

/// <summary>What is merged into what.</summary>
/// <param name="Model">Adapter folder.</param>
/// <param name="OutputDir">The folder that is made; nothing is there yet.</param>
/// <param name="Base">The plain model under the adapter, where not the one that its config names.</param>
/// <param name="TorchDtype">float32, bfloat16 or float16; as the plain model is stored where null.</param>
/// <param name="MaxShardBytes">Largest weight file in bytes.</param>
public sealed record MergeSettings(string Model, string OutputDir, string? Base, string? TorchDtype, long MaxShardBytes);

/// <summary>What a merge came to.</summary>
/// <param name="Base">The plain model under the adapter.</param>
/// <param name="Modules">Matrices that the adapter changed.</param>
/// <param name="Parameters">How many numbers the model has.</param>
/// <param name="TorchDtype">What was written.</param>
public sealed record MergeSummary(string Base, int Modules, long Parameters, string TorchDtype)
{
    /// <summary>What is to be known of the result, as a sentence; null for nothing.</summary>
    public string? Note { get; init; }
}

/// <summary>An adapter merged into the model under it: a plain model folder, which any program loads that knows the architecture.</summary>
public static class MergedModel
{
    /// <summary>Merges and writes; the folder appears whole or not at all.</summary>
    /// <exception cref="UserErrorException">Bad input, or something stands where the model is to be written.</exception>
    /// <exception cref="RunFailedException">It could not be written, or is not finite.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled; nothing stays.</exception>
    public static MergeSummary Write(MergeSettings settings, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(settings);
        var source = ModelSource.Of(settings.Model, settings.Base);
        if (source.Adapter is not { } adapter)
            throw new UserErrorException(Directory.Exists(settings.Model) ? $"{settings.Model}: there is no adapter_config.json; expected a PEFT adapter folder, a plain model has nothing to merge"
                : $"{settings.Model}: there is no such adapter folder{HubName.Hint(settings.Model)}");
        var output = Path.TrimEndingDirectorySeparator(settings.OutputDir);
        if (File.Exists(output) || (Directory.Exists(output) && Directory.EnumerateFileSystemEntries(output).Any()))
            throw new UserErrorException($"output_dir: {output} is there already, expected a new folder: nothing is overwritten");
        var config = source.ReadConfig();
        source.RequireWeights(config);
        var tokenizer = MistralTokenizer.Load(source.TokenizerFolder);
        TextModel.RequireFit(tokenizer, config, source.Base);
        var dtype = settings.TorchDtype switch { "float32" => ScalarType.Float32, "bfloat16" => ScalarType.BFloat16, "float16" => ScalarType.Float16, _ => AdapterMerge.StoredType(source.Base, config) };
        RequireRoom(output, config.ParameterCount * SafetensorsTypes.Size(dtype));
        ComputeDevice.Resolve("cpu");
        using var merged = AdapterMerge.Run(source, config, dtype, cancellation);
        var note = ModelLoading.TrainedBeside(settings.Model) is not null
            ? $"the adapter was trained beside linear maps in NF4 (load_in_4bit) and is merged into the weights of {source.Base} as they stand, as PEFT advises: the result differs from what was trained by that rounding"
            : null;
        WriteAside(output, folder =>
        {
            ModelFolder.Save(folder, config, merged.All, settings.MaxShardBytes);
            TokenizerFiles.Write(folder, tokenizer, config.MaxPositionEmbeddings);
            File.WriteAllText(Path.Combine(folder, "README.md"), $"---\nbase_model: {source.Base}\ntags:\n- zephyr\n---\n\n# Model card\n\n"
                + $"`{source.Base}` with the LoRA adapter `{settings.Model}` merged into it: W + s B A for {string.Join(", ", adapter.TargetModules)}.\n{(note is null ? "" : $"\nNote: {note}.\n")}");
        });
        return new(source.Base, adapter.ModulesOf(config).Count(), config.ParameterCount, dtype switch { ScalarType.Float32 => "float32", ScalarType.Float16 => "float16", _ => "bfloat16" }) { Note = note };
    }

    private static void RequireRoom(string output, long bytes)
    {
        if (OutputFolder.FreeBytes(output) is { } free && free < bytes)
            throw new UserErrorException($"output_dir: {output} needs {ByteCount.Describe(bytes)} for the merged model, found {ByteCount.Describe(free)} free");
    }

    private static void WriteAside(string output, Action<string> write)
    {
        var aside = output + ".merge.tmp";
        try
        {
            // What a merge left that was killed.
            if (Directory.Exists(aside)) Directory.Delete(aside, recursive: true);
            Directory.CreateDirectory(aside);
            WholeFile.Guard(() => write(aside));
            foreach (var file in Directory.EnumerateFiles(aside)) DiskFlush.OfFile(file);
            DiskFlush.OfFolder(aside);
            if (Directory.Exists(output)) Directory.Delete(output);
            Directory.Move(aside, output);
            DiskFlush.OfFolder(Path.GetDirectoryName(Path.GetFullPath(output))!);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            if (Directory.Exists(aside)) Directory.Delete(aside, recursive: true);
            throw new RunFailedException($"output_dir: {output} could not be written: {error.Message}", error);
        }
    }
}
