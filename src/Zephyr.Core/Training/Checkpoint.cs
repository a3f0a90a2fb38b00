using Zephyr.Model.Weights;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>The optimizer's part of a checkpoint: running averages and master weights as safetensors.</summary>
internal static class Checkpoint
{
    public const string OptimizerFile = "optimizer.safetensors";

    /// <summary>The files that are no part of the model.</summary>
    private static readonly string[] OwnFiles = [OptimizerFile, TrainingState.FileName, CheckpointManifest.FileName];

    public static void Write(string folder, Optimizer optimizer, TrainingState state)
    {
        WeightWriter.WriteFile(Path.Combine(folder, OptimizerFile), optimizer.StateTensors);
        state.Write(folder);
    }

    /// <summary>Copies the model of a checkpoint into another folder.</summary>
    public static void CopyModel(string checkpoint, string folder)
    {
        foreach (var file in Directory.EnumerateFiles(checkpoint).Where(file => !OwnFiles.Contains(Path.GetFileName(file))))
            File.Copy(file, Path.Combine(folder, Path.GetFileName(file)));
    }

    /// <summary>Fills the optimizer's state from a checkpoint.</summary>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="optimizer">What is filled.</param>
    /// <param name="steps">Updates that it had made: steps that were skipped are none.</param>
    /// <exception cref="UserErrorException">A file is missing, broken, or of another model.</exception>
    public static void Restore(string folder, Optimizer optimizer, int steps)
    {
        var file = SafetensorsFile.Open(Path.Combine(folder, OptimizerFile));
        var tensors = optimizer.StateTensors.ToDictionary();
        if (file.Entries.Count != tensors.Count || tensors.Any(entry =>
            !file.Entries.TryGetValue(entry.Key, out var stored) || !stored.Shape.SequenceEqual(entry.Value.shape)))
            throw new UserErrorException($"{file.Path}: its tensors are not those of this model, optimizer and precision; resume with the optim and bf16 settings the run began with");
        using var noGradient = no_grad();
        foreach (var (name, tensor) in tensors) WeightReader.ReadInto(file, file.Entries[name], tensor);
        optimizer.Restored(steps);
    }
}
