using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>Grouped-query attention (arXiv 2305.13245): H query heads share K key and value heads.</summary>
internal sealed class Attention(MistralConfig config, ParameterSet parameters, string prefix, int layer)
{
    private readonly Projection _query = new(parameters.Of($"{prefix}.self_attn.q_proj.weight"));
    private readonly Projection _key = new(parameters.Of($"{prefix}.self_attn.k_proj.weight"));
    private readonly Projection _value = new(parameters.Of($"{prefix}.self_attn.v_proj.weight"));
    private readonly Projection _output = new(parameters.Of($"{prefix}.self_attn.o_proj.weight"));

    public Tensor Forward(Tensor x_TD, RotaryEmbedding.Rotation rotation, IAttentionPattern pattern)
    {
        var (q_THE, k_TKE, v_TKE) = Inputs(x_TD, rotation);
        return _output.Forward(Flat(pattern.Attend(layer, q_THE, k_TKE, v_TKE)));
    }

    /// <param name="x_TD">Normed hidden states.</param>
    /// <param name="rotation">The positions' angles.</param>
    /// <param name="pattern">Who sees whom.</param>
    /// <param name="rows">What the way back needs; the caller's.</param>
    public Tensor Forward(Tensor x_TD, RotaryEmbedding.Rotation rotation, RaggedCausalAttention pattern, out AttendedRows rows)
    {
        var (q_THE, k_TKE, v_TKE) = Inputs(x_TD, rotation);
        rows = pattern.Keep(q_THE, k_TKE, v_TKE);
        return _output.Forward(Flat(rows.Rows()));
    }

    /// <returns>d loss / d input.</returns>
    public Tensor Backward(Tensor x_TD, RotaryEmbedding.Rotation rotation, AttendedRows rows, Tensor gradient_TD)
    {
        using var scope = NewDisposeScope();
        var ofRows_THE = Heads(_output.Backward(Flat(rows.Rows()), gradient_TD), config.NumAttentionHeads);
        var (ofQ_THE, ofK_TKE, ofV_TKE) = rows.Backward(ofRows_THE);
        var ofInput_TD = _query.Backward(x_TD, Flat(rotation.ApplyBackward(ofQ_THE)));
        _key.Backward(x_TD, Flat(rotation.ApplyBackward(ofK_TKE)), ofInput_TD);
        _value.Backward(x_TD, Flat(ofV_TKE), ofInput_TD);
        return ofInput_TD.MoveToOuterDisposeScope();
    }

    private (Tensor Q_THE, Tensor K_TKE, Tensor V_TKE) Inputs(Tensor x_TD, RotaryEmbedding.Rotation rotation) => (
        rotation.Apply(Heads(_query.Forward(x_TD), config.NumAttentionHeads)),
        rotation.Apply(Heads(_key.Forward(x_TD), config.NumKeyValueHeads)),
        Heads(_value.Forward(x_TD), config.NumKeyValueHeads));

    private Tensor Heads(Tensor x_TW, int heads) => x_TW.view(x_TW.shape[0], heads, config.HeadDim);

    private static Tensor Flat(Tensor x_THE) => x_THE.reshape(x_THE.shape[0], -1);
}
