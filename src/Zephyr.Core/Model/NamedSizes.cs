using Zephyr.Runtime;

namespace Zephyr.Model;

/// <summary>Model shapes that are spoken of by name: for benchmarks and plans, which need no weights.</summary>
public static class NamedSizes
{
    private static readonly MistralConfig Mistral7B = new()
    {
        VocabSize = 32000, HiddenSize = 4096, IntermediateSize = 14336, NumHiddenLayers = 32, NumAttentionHeads = 32, NumKeyValueHeads = 8, HeadDim = 128,
    };

    private static readonly Dictionary<string, MistralConfig> Known = new()
    {
        ["tiny"] = new() { VocabSize = 1000, HiddenSize = 64, IntermediateSize = 176, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, HeadDim = 16 },
        ["bench58m"] = new() { VocabSize = 32000, HiddenSize = 512, IntermediateSize = 1536, NumHiddenLayers = 8, NumAttentionHeads = 8, NumKeyValueHeads = 4, HeadDim = 64 },
        ["mistral7b"] = Mistral7B,
        // A quarter of its layers: 2.0 billion parameters, which a card of 80 GB trains in full.
        ["mistral7b-8layers"] = Mistral7B with { NumHiddenLayers = 8 },
    };

    /// <summary>The names.</summary>
    public static IReadOnlyCollection<string> Names => Known.Keys;

    /// <summary>The shape of that name.</summary>
    /// <exception cref="UserErrorException">There is none.</exception>
    public static MistralConfig Of(string name) => Known.TryGetValue(name, out var config) ? config
        : throw new UserErrorException($"--size: found {name}, expected {string.Join(", ", Names)}");
}
