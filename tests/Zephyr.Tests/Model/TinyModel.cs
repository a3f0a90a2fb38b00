using Zephyr.Model;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model;

/// <summary>A model made in code, for tests that must run in any clone.</summary>
internal static class TinyModel
{
    public static MistralConfig Config { get; } = new()
    {
        VocabSize = 40,
        HiddenSize = 16,
        IntermediateSize = 24,
        NumHiddenLayers = 2,
        NumAttentionHeads = 4,
        NumKeyValueHeads = 2,
        HeadDim = 4,
        MaxPositionEmbeddings = 64,
        InitializerRange = 0.5,
    };

    /// <summary>Large weights: with the usual 0.02 so small a model would answer the same whatever it is asked.</summary>
    public static MistralForCausalLM Create(MistralConfig? config = null, long seed = 7) => FreshModel.Create(config ?? Config, seed, CPU);
}
