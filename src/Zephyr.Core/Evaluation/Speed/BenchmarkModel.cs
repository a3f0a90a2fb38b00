using Zephyr.Data.Batches;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using Zephyr.Model.Quantization;
using Zephyr.Model.Weights;
using static TorchSharp.torch;

namespace Zephyr.Evaluation.Speed;

/// <summary>The model that is timed: a folder's, or random weights of a shape. Speed does not depend on the weights, the losses do.</summary>
/// <param name="Config">Its shape.</param>
/// <param name="Folder">Where its weights are; null for random ones.</param>
/// <param name="Seed">Of random ones.</param>
/// <param name="Dtype">Data type of weights and activations.</param>
/// <param name="Device">Where it runs.</param>
public sealed record BenchmarkModel(MistralConfig Config, string? Folder, long Seed, ScalarType Dtype, Device Device)
{
    /// <summary>The adapter that is trained; null where all weights are.</summary>
    public LoraConfig? Lora { get; init; }

    /// <summary>Whether its dropout is applied.</summary>
    public bool AppliesDropout { get; init; } = true;

    /// <summary>How linear maps are held in 4 bits, under the adapter and in a reference; null where they are held whole.</summary>
    public Nf4Settings? Quantization { get; init; }

    /// <summary>The same weights each time.</summary>
    /// <param name="trainable">Gradients are wanted (a policy, with its adapter where there is one) or not (a reference).</param>
    public MistralForCausalLM Create(bool trainable)
    {
        var all = trainable && Lora is null;
        var model = Folder is null ? FreshModel.Create(Config, Seed, Device, Dtype, all, Quantization) : ModelFolder.LoadPlain(Folder, Dtype, Device, all, Quantization);
        if (trainable && Lora is not null) model.Attach(LoraAdapter.Fresh(Lora, Config, Seed, Device, AppliesDropout));
        model.ChooseAttention(AttnImplementation);
        return model;
    }

    /// <summary>Operations of the products that training on a batch cannot do without.</summary>
    internal double ForwardAndBack(LabelledBatch batch) => MatrixProducts.ForwardAndBack(Config, batch, Lora?.ParameterCountOf(Config));

    /// <summary>auto, sdpa or flash_attention_2.</summary>
    public string AttnImplementation { get; init; } = AttentionChoice.Auto;
}
