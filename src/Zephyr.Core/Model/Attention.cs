using Zephyr.Model.Adapters;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>Grouped-query attention (arXiv 2305.13245): H query heads share K key and value heads.</summary>
internal sealed class Attention(MistralConfig config, ParameterSet parameters, string prefix, int layer)
{
    private readonly Projection _query = new(parameters, $"{prefix}.self_attn.q_proj");
    private readonly Projection _key = new(parameters, $"{prefix}.self_attn.k_proj");
    private readonly Projection _value = new(parameters, $"{prefix}.self_attn.v_proj");
    private readonly Projection _output = new(parameters, $"{prefix}.self_attn.o_proj");

    /// <summary>The projections in the checkpoint's order.</summary>
    public IReadOnlyList<Projection> Projections => [_query, _key, _value, _output];

    public Tensor Forward(Tensor x_TD, RotaryEmbedding.Rotation rotation, IAttentionPattern pattern, DropoutDraws? draws)
    {
        var (q_THE, k_TKE, v_TKE) = Inputs(x_TD, rotation, draws);
        return _output.Forward(Flat(pattern.Attend(layer, q_THE, k_TKE, v_TKE)), draws);
    }

    /// <param name="x_TD">Normed hidden states.</param>
    /// <param name="rotation">The positions' angles.</param>
    /// <param name="pattern">Who sees whom.</param>
    /// <param name="draws">What dropout draws from; null where nothing is dropped.</param>
    /// <param name="rows">What the way back needs; the caller's.</param>
    public Tensor Forward(Tensor x_TD, RotaryEmbedding.Rotation rotation, RaggedCausalAttention pattern, DropoutDraws? draws, out AttendedRows rows)
    {
        var (q_THE, k_TKE, v_TKE) = Inputs(x_TD, rotation, draws);
        rows = pattern.Keep(q_THE, k_TKE, v_TKE);
        return _output.Forward(Flat(rows.Rows()), draws);
    }

    /// <param name="x_TD">Normed hidden states.</param>
    /// <param name="rotation">The positions' angles.</param>
    /// <param name="rows">What the way forward left.</param>
    /// <param name="gradient_TD">d loss / d output.</param>
    /// <param name="draws">Those of the way forward.</param>
    /// <param name="toInput">Whether somebody below learns.</param>
    /// <returns>d loss / d input; null where it was not asked for.</returns>
    public Tensor? Backward(Tensor x_TD, RotaryEmbedding.Rotation rotation, AttendedRows rows, Tensor gradient_TD, DropoutDraws? draws, bool toInput)
    {
        using var scope = NewDisposeScope();
        if (!toInput && !_query.Learns && !_key.Learns && !_value.Learns)
        {
            _output.AddGradients(Flat(rows.Rows()), gradient_TD, draws);
            return null;
        }
        var ofRows_THE = Heads(_output.Backward(Flat(rows.Rows()), gradient_TD, draws), config.NumAttentionHeads);
        var (ofQ_THE, ofK_TKE, ofV_TKE) = rows.Backward(ofRows_THE);
        var (ofQ_TW, ofK_TW, ofV_TW) = (Flat(rotation.ApplyBackward(ofQ_THE)), Flat(rotation.ApplyBackward(ofK_TKE)), Flat(ofV_TKE));
        if (!toInput)
        {
            foreach (var (map, gradient_TW) in new[] { (_query, ofQ_TW), (_key, ofK_TW), (_value, ofV_TW) }) map.AddGradients(x_TD, gradient_TW, draws);
            return null;
        }
        var ofInput_TD = _query.Backward(x_TD, ofQ_TW, draws);
        _key.Backward(x_TD, ofK_TW, ofInput_TD, draws);
        _value.Backward(x_TD, ofV_TW, ofInput_TD, draws);
        return ofInput_TD.MoveToOuterDisposeScope();
    }

    private (Tensor Q_THE, Tensor K_TKE, Tensor V_TKE) Inputs(Tensor x_TD, RotaryEmbedding.Rotation rotation, DropoutDraws? draws) => (
        rotation.Apply(Heads(_query.Forward(x_TD, draws), config.NumAttentionHeads)),
        rotation.Apply(Heads(_key.Forward(x_TD, draws), config.NumKeyValueHeads)),
        Heads(_value.Forward(x_TD, draws), config.NumKeyValueHeads));

    private Tensor Heads(Tensor x_TW, int heads) => x_TW.view(x_TW.shape[0], heads, config.HeadDim);

    private static Tensor Flat(Tensor x_THE) => x_THE.reshape(x_THE.shape[0], -1);
}
