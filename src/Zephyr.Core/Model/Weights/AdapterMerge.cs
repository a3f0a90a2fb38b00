using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model.Weights;

/// <summary>A plain model of an adapter and the model under it: W + s B A for every adapted matrix, in fp32, rounded once to the data type that is written.</summary>
public static class AdapterMerge
{
    /// <summary>Reads the model tensor by tensor, so that it is held once, in the data type that is written, and one tensor in fp32 besides.</summary>
    /// <param name="source">An adapter folder and what stands under it, known to fit each other.</param>
    /// <param name="config">The plain model's shape.</param>
    /// <param name="dtype">What is written.</param>
    /// <param name="cancellation">Ends it between two tensors.</param>
    /// <returns>Every weight of the model; the caller's.</returns>
    /// <exception cref="RunFailedException">A number of the merged model is not finite.</exception>
    public static ParameterSet Run(ModelSource source, MistralConfig config, ScalarType dtype, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(source);
        ArgumentNullException.ThrowIfNull(config);
        using var noGradient = no_grad();
        using var adapter = AdapterFolder.Load(source.Folder, config, CPU, trainable: false);
        var files = WeightFiles.Open(source.Base);
        var merged = new ParameterSet();
        try
        {
            foreach (var (name, shape) in config.Weights)
            {
                cancellation.ThrowIfCancellationRequested();
                using var scope = NewDisposeScope();
                var (file, entry) = files.Tensors[name];
                var weight = empty(shape, dtype: ScalarType.Float32);
                WeightReader.ReadInto(file, entry, weight);
                if (adapter.MapOf(name[..^".weight".Length]) is { } map) weight.add_(map.Product(), KeptScalar.One);
                var written = weight.to_type(dtype);
                if (!written.isfinite().all().item<bool>())
                    throw new RunFailedException($"{name} of the merged model has numbers that are not finite in {SafetensorsTypes.Name(dtype)}: the adapter or the model is broken, or the data type too narrow");
                merged.Add(name, written);
            }
            return merged;
        }
        catch
        {
            merged.Dispose();
            throw;
        }
    }

    /// <summary>The data type that a model folder's weights are stored in, by its first.</summary>
    public static ScalarType StoredType(string folder, MistralConfig config) => WeightFiles.Open(folder).Tensors[config.Weights.First().Name].Entry.Dtype;
}
