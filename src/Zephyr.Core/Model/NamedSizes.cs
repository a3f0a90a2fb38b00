using Zephyr.Runtime;

namespace Zephyr.Model;

/// <summary>Model shapes that are spoken of by name: for benchmarks and plans, which need no weights.</summary>
public static class NamedSizes
{
    private static readonly Dictionary<string, MistralConfig> Known = new()
    {
        ["tiny"] = new() { VocabSize = 1000, HiddenSize = 64, IntermediateSize = 176, NumHiddenLayers = 2, NumAttentionHeads = 4, NumKeyValueHeads = 2, HeadDim = 16 },
        ["bench58m"] = new() { VocabSize = 32000, HiddenSize = 512, IntermediateSize = 1536, NumHiddenLayers = 8, NumAttentionHeads = 8, NumKeyValueHeads = 4, HeadDim = 64 },
        ["mistral7b"] = new() { VocabSize = 32000, HiddenSize = 4096, IntermediateSize = 14336, NumHiddenLayers = 32, NumAttentionHeads = 32, NumKeyValueHeads = 8, HeadDim = 128 },
    };

    /// <summary>The names.</summary>
    public static IReadOnlyCollection<string> Names => Known.Keys;

    /// <summary>The shape of that name.</summary>
    /// <exception cref="UserErrorException">There is none.</exception>
    public static MistralConfig Of(string name) => Known.TryGetValue(name, out var config) ? config
        : throw new UserErrorException($"--size: found {name}, expected {string.Join(", ", Names)}");
}
