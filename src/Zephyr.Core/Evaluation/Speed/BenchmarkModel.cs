using Zephyr.Model;
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
    /// <summary>The same weights each time.</summary>
    /// <param name="trainable">Gradients are wanted (a policy) or not (a reference).</param>
    public MistralForCausalLM Create(bool trainable)
    {
        var model = Folder is null ? FreshModel.Create(Config, Seed, Device, Dtype, trainable) : ModelFolder.Load(Folder, Dtype, Device, trainable);
        model.ChooseAttention(AttnImplementation);
        return model;
    }

    /// <summary>auto, sdpa or flash_attention_2.</summary>
    public string AttnImplementation { get; init; } = AttentionChoice.Auto;
}
