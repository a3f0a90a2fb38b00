namespace Zephyr.Model;

/// <summary>
/// The shape of a Mistral (or plain Llama) model: what config.json says, under its names. Read by
/// <see cref="MistralConfigFile"/>, which refuses what is not implemented.
/// </summary>
public sealed record MistralConfig
{
    /// <summary>MistralForCausalLM, or LlamaForCausalLM without rope scaling (the same mathematics).</summary>
    public string Architecture { get; init; } = "MistralForCausalLM";

    /// <summary>V: rows of the embedding and of the head.</summary>
    public required int VocabSize { get; init; }

    /// <summary>D: width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>F: width of the feed-forward layer.</summary>
    public required int IntermediateSize { get; init; }

    /// <summary>Decoder layers.</summary>
    public required int NumHiddenLayers { get; init; }

    /// <summary>H: query heads.</summary>
    public required int NumAttentionHeads { get; init; }

    /// <summary>K: key and value heads, each shared by H / K query heads.</summary>
    public required int NumKeyValueHeads { get; init; }

    /// <summary>E: width of a head.</summary>
    public required int HeadDim { get; init; }

    /// <summary>Longest position the model was made for.</summary>
    public int MaxPositionEmbeddings { get; init; } = 32768;

    /// <summary>Added to the mean square under the root.</summary>
    public double RmsNormEps { get; init; } = 1e-5;

    /// <summary>Base of the rotary wavelengths.</summary>
    public double RopeTheta { get; init; } = 10000;

    /// <summary>A query sees this many keys, itself included; null for all before it.</summary>
    public int? SlidingWindow { get; init; }

    /// <summary>The head is the embedding.</summary>
    public bool TieWordEmbeddings { get; init; }

    /// <summary>Standard deviation of fresh weights.</summary>
    public double InitializerRange { get; init; } = 0.02;

    /// <summary>Id of &lt;s&gt;.</summary>
    public int BosTokenId { get; init; } = 1;

    /// <summary>Id of &lt;/s&gt;, which ends a turn.</summary>
    public int EosTokenId { get; init; } = 2;

    /// <summary>Name and shape of every weight, in the order of the forward pass, under the checkpoint's names.</summary>
    public IEnumerable<(string Name, long[] Shape)> Weights
    {
        get
        {
            long hidden = HiddenSize, inner = IntermediateSize, queries = (long)NumAttentionHeads * HeadDim, keys = (long)NumKeyValueHeads * HeadDim;
            yield return (WeightNames.Embedding, [VocabSize, hidden]);
            for (var layer = 0; layer < NumHiddenLayers; layer++)
            {
                var prefix = WeightNames.Layer(layer);
                yield return ($"{prefix}.input_layernorm.weight", [hidden]);
                yield return ($"{prefix}.self_attn.q_proj.weight", [queries, hidden]);
                yield return ($"{prefix}.self_attn.k_proj.weight", [keys, hidden]);
                yield return ($"{prefix}.self_attn.v_proj.weight", [keys, hidden]);
                yield return ($"{prefix}.self_attn.o_proj.weight", [hidden, queries]);
                yield return ($"{prefix}.post_attention_layernorm.weight", [hidden]);
                yield return ($"{prefix}.mlp.gate_proj.weight", [inner, hidden]);
                yield return ($"{prefix}.mlp.up_proj.weight", [inner, hidden]);
                yield return ($"{prefix}.mlp.down_proj.weight", [hidden, inner]);
            }
            yield return (WeightNames.FinalNorm, [hidden]);
            if (!TieWordEmbeddings) yield return (WeightNames.Head, [VocabSize, hidden]);
        }
    }

    /// <summary>How many numbers the weights hold.</summary>
    public long ParameterCount => Weights.Sum(weight => weight.Shape.Aggregate(1L, (product, size) => product * size));
}

/// <summary>The checkpoint's names.</summary>
internal static class WeightNames
{
    public const string Embedding = "model.embed_tokens.weight", FinalNorm = "model.norm.weight", Head = "lm_head.weight";

    public static string Layer(int index) => $"model.layers.{index}";

    /// <summary>"model.layers.0.self_attn.q_proj": a projection's weight without its last part.</summary>
    public static string Module(int layer, string projection) =>
        $"{Layer(layer)}.{(projection is "gate_proj" or "up_proj" or "down_proj" ? "mlp" : "self_attn")}.{projection}";

    /// <summary>Norm weights are not decayed, as in transformers.</summary>
    public static bool IsNorm(string name) => name.EndsWith("norm.weight", StringComparison.Ordinal);
}
