using Zephyr.Runtime;

namespace Zephyr.Model.Weights;

/// <summary>A tensor of a file, by its header.</summary>
/// <param name="Name">The checkpoint's name for it.</param>
/// <param name="Dtype">F32, F16 or BF16.</param>
/// <param name="Shape">Its sizes.</param>
/// <param name="Bytes">What it takes in the file.</param>
/// <param name="File">The file's name in its folder.</param>
public sealed record TensorSummary(string Name, string Dtype, IReadOnlyList<long> Shape, long Bytes, string File)
{
    internal static TensorSummary Of(SafetensorsFile file, TensorEntry entry) =>
        new(entry.Name, SafetensorsTypes.Name(entry.Dtype), entry.Shape, entry.End - entry.Begin, Path.GetFileName(file.Path));
}

/// <summary>A model folder by config.json and the headers of its weight files: no weight is read and no libtorch needed.</summary>
/// <param name="Config">The shape.</param>
/// <param name="Files">The weight files' names and sizes in bytes.</param>
/// <param name="Tensors">In the order of the forward pass, those that the model does not know last.</param>
/// <param name="Differences">What is missing, unexpected or mis-shaped.</param>
public sealed record ModelSummary(
    MistralConfig Config, IReadOnlyList<(string Name, long Bytes)> Files, IReadOnlyList<TensorSummary> Tensors, WeightDifferences Differences)
{
    /// <summary>Reads a folder.</summary>
    /// <exception cref="UserErrorException">It holds no such model, or a file of it is broken.</exception>
    public static ModelSummary Read(string folder)
    {
        var config = MistralConfigFile.Read(folder);
        var files = WeightFiles.Open(folder);
        var wanted = config.Weights.ToList();
        var order = wanted.Select((weight, i) => (weight.Name, i)).ToDictionary(entry => entry.Name, entry => entry.i);
        return new(config,
            [.. files.Files.Select(file => (Path.GetFileName(file.Path), new FileInfo(file.Path).Length))],
            [.. files.Tensors.Values.OrderBy(tensor => order.GetValueOrDefault(tensor.Entry.Name, int.MaxValue)).ThenBy(tensor => tensor.Entry.Name, StringComparer.Ordinal)
                .Select(tensor => TensorSummary.Of(tensor.File, tensor.Entry))],
            files.Compare(wanted, name => ModelFolder.IsKnownExtra(config, name)));
    }
}
