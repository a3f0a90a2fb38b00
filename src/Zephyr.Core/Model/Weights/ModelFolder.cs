using Zephyr.Model.Quantization;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model.Weights;

/// <summary>
/// A model folder in the Hugging Face layout: config.json and safetensors (the tokenizer's files are the Data layer's). A PEFT adapter folder is one too: the model under it
/// with the adapter on.
/// </summary>
public static class ModelFolder
{
    /// <summary>Loads a model: its size plus one tensor of memory at most, nothing initialised to be overwritten.</summary>
    /// <param name="folder">A model folder, or an adapter folder.</param>
    /// <param name="dtype">Data type of the weights in memory, whatever the files hold.</param>
    /// <param name="device">Where the weights go.</param>
    /// <param name="trainable">Gradients are wanted (a policy) or not (a reference, generation); of an adapter folder the adapter takes them alone.</param>
    /// <exception cref="UserErrorException">The folder does not hold such a model; every difference is listed.</exception>
    public static MistralForCausalLM Load(string folder, ScalarType dtype, Device device, bool trainable) => Load(ModelSource.Of(folder), dtype, device, trainable);

    /// <inheritdoc cref="Load(string, ScalarType, Device, bool)"/>
    /// <param name="source">What the folder came to.</param>
    /// <param name="dtype">Data type of the weights in memory, whatever the files hold.</param>
    /// <param name="device">Where the weights go.</param>
    /// <param name="trainable">Gradients are wanted or not.</param>
    /// <param name="quantization">How the plain model's linear maps are held in 4 bits; null where they are held whole.</param>
    public static MistralForCausalLM Load(ModelSource source, ScalarType dtype, Device device, bool trainable, Nf4Settings? quantization = null)
    {
        ArgumentNullException.ThrowIfNull(source);
        if (source.Adapter is null) return LoadPlain(source.Base, dtype, device, trainable, quantization);
        // First, as it is small: what is wrong with it is found before the model is read.
        var adapter = AdapterFolder.Load(source.Folder, source.ReadConfig(), device, trainable);
        try
        {
            var model = LoadPlain(source.Base, dtype, device, trainable: false, quantization);
            model.Attach(adapter);
            return model;
        }
        catch
        {
            adapter.Dispose();
            throw;
        }
    }

    /// <summary>Loads a plain model.</summary>
    /// <inheritdoc cref="Load(string, ScalarType, Device, bool)"/>
    /// <param name="folder">Holds config.json and the weights.</param>
    /// <param name="dtype">Data type of the weights in memory, whatever the files hold.</param>
    /// <param name="device">Where the weights go.</param>
    /// <param name="trainable">Gradients are wanted or not.</param>
    /// <param name="quantization">How linear maps are held in 4 bits, which take no gradient then; null where they are held whole.</param>
    public static MistralForCausalLM LoadPlain(string folder, ScalarType dtype, Device device, bool trainable, Nf4Settings? quantization = null)
    {
        var config = MistralConfigFile.Read(folder);
        var parameters = WeightReader.Read(folder, config.Weights, name => IsKnownExtra(config, name), dtype, device, quantization);
        return new(config, parameters.RequireGradients(trainable));
    }

    /// <summary>Checks by the files' headers what loading would check, without reading a weight.</summary>
    /// <param name="folder">Holds config.json and the weights.</param>
    /// <param name="config">What its config.json says.</param>
    /// <exception cref="UserErrorException">The weights are not there, broken, or not those of the model; every difference is listed.</exception>
    public static void RequirePlainWeights(string folder, MistralConfig config) =>
        WeightFiles.Open(folder).RequireFit([.. config.Weights], name => IsKnownExtra(config, name));

    /// <summary>Writes config.json, generation_config.json and the weights in their data type.</summary>
    /// <param name="folder">An existing folder; the caller makes it appear whole.</param>
    /// <param name="config">The shape.</param>
    /// <param name="weights">What to write under the checkpoint's names: the parameters, or their fp32 master copies.</param>
    /// <param name="maxShardBytes">Largest weight file in bytes.</param>
    public static void Save(string folder, MistralConfig config, IEnumerable<KeyValuePair<string, Tensor>> weights, long maxShardBytes)
    {
        var all = weights.ToList();
        MistralConfigFile.Write(folder, config, all[0].Value.dtype switch { ScalarType.Float32 => "float32", ScalarType.Float16 => "float16", _ => "bfloat16" });
        WeightWriter.Write(folder, all, maxShardBytes);
    }

    /// <summary>A head beside a tied embedding, and the rotary tables that old Llama checkpoints carry, say nothing new.</summary>
    internal static bool IsKnownExtra(MistralConfig config, string name) =>
        (config.TieWordEmbeddings && name == WeightNames.Head) || name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal);
}
