using Zephyr.Runtime;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Model;

/// <summary>One layer: x + attention(norm(x)), then x + feed-forward(norm(x)).</summary>
internal sealed class DecoderLayer
{
    private readonly RmsNorm _inputNorm, _postAttentionNorm;
    private readonly Attention _attention;
    private readonly FeedForward _feedForward;

    public DecoderLayer(MistralConfig config, ParameterSet parameters, int index)
    {
        var prefix = WeightNames.Layer(index);
        _inputNorm = new(parameters[$"{prefix}.input_layernorm.weight"], config.RmsNormEps);
        _attention = new(config, parameters, prefix, index);
        _postAttentionNorm = new(parameters[$"{prefix}.post_attention_layernorm.weight"], config.RmsNormEps);
        _feedForward = new(parameters, prefix);
    }

    /// <returns>[T, D]; everything else is freed, but for what backward needs.</returns>
    public Tensor Forward(Tensor x_TD, RotaryEmbedding.Rotation rotation, IAttentionPattern pattern)
    {
        using var scope = NewDisposeScope();
        var attended = x_TD.add(_attention.Forward(_inputNorm.Forward(x_TD), rotation, pattern), KeptScalar.One);
        return attended.add(_feedForward.Forward(_postAttentionNorm.Forward(attended)), KeptScalar.One).MoveToOuterDisposeScope();
    }
}

/// <summary>Grouped-query attention (arXiv 2305.13245): H query heads share K key and value heads.</summary>
internal sealed class Attention(MistralConfig config, ParameterSet parameters, string prefix, int layer)
{
    private readonly Tensor _query = parameters[$"{prefix}.self_attn.q_proj.weight"];
    private readonly Tensor _key = parameters[$"{prefix}.self_attn.k_proj.weight"];
    private readonly Tensor _value = parameters[$"{prefix}.self_attn.v_proj.weight"];
    private readonly Tensor _output = parameters[$"{prefix}.self_attn.o_proj.weight"];

    public Tensor Forward(Tensor x_TD, RotaryEmbedding.Rotation rotation, IAttentionPattern pattern)
    {
        var tokens = x_TD.shape[0];
        var q_THE = rotation.Apply(linear(x_TD, _query).view(tokens, config.NumAttentionHeads, config.HeadDim));
        var k_TKE = rotation.Apply(linear(x_TD, _key).view(tokens, config.NumKeyValueHeads, config.HeadDim));
        var v_TKE = linear(x_TD, _value).view(tokens, config.NumKeyValueHeads, config.HeadDim);
        return linear(pattern.Attend(layer, q_THE, k_TKE, v_TKE).reshape(tokens, -1), _output);
    }
}

/// <summary>SwiGLU (arXiv 2002.05202): down(silu(gate(x)) * up(x)).</summary>
internal sealed class FeedForward(ParameterSet parameters, string prefix)
{
    private readonly Tensor _gate = parameters[$"{prefix}.mlp.gate_proj.weight"];
    private readonly Tensor _up = parameters[$"{prefix}.mlp.up_proj.weight"];
    private readonly Tensor _down = parameters[$"{prefix}.mlp.down_proj.weight"];

    public Tensor Forward(Tensor x_TD) => linear(silu(linear(x_TD, _gate)) * linear(x_TD, _up), _down);
}
