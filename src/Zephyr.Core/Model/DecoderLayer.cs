using Zephyr.Model.Adapters;
using Zephyr.Runtime;
using static TorchSharp.torch;

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
        _inputNorm = new(parameters.Of($"{prefix}.input_layernorm.weight"), config.RmsNormEps);
        _attention = new(config, parameters, prefix, index);
        _postAttentionNorm = new(parameters.Of($"{prefix}.post_attention_layernorm.weight"), config.RmsNormEps);
        _feedForward = new(parameters, prefix);
    }

    /// <summary>Its projections in the checkpoint's order.</summary>
    public IReadOnlyList<Projection> Projections => [.. _attention.Projections, .. _feedForward.Projections];

    /// <summary>Whether anything in it takes a gradient.</summary>
    public bool Learns => _postAttentionNorm.Learns || _feedForward.Projections.Any(map => map.Learns) || AttentionLearns;

    private bool AttentionLearns => _inputNorm.Learns || _attention.Projections.Any(map => map.Learns);

    /// <param name="x_TD">The input.</param>
    /// <param name="rotation">The positions' angles.</param>
    /// <param name="pattern">Who sees whom.</param>
    /// <param name="draws">What dropout draws from in training; null where nothing is dropped.</param>
    /// <returns>[T, D]; everything else is freed, but for what autograd keeps where it is recording.</returns>
    public Tensor Forward(Tensor x_TD, RotaryEmbedding.Rotation rotation, IAttentionPattern pattern, DropoutDraws? draws = null)
    {
        using var scope = NewDisposeScope();
        var attended_TD = _attention.Forward(_inputNorm.Forward(x_TD), rotation, pattern, draws).add(x_TD, KeptScalar.One);
        return _feedForward.Forward(_postAttentionNorm.Forward(attended_TD), draws).add(attended_TD, KeptScalar.One).MoveToOuterDisposeScope();
    }

    /// <summary>The same numbers, and what the way back needs. Norms and activations are cheap and are made again there.</summary>
    /// <param name="x_TD">The input; it is the state's from here on.</param>
    /// <param name="rotation">The positions' angles.</param>
    /// <param name="pattern">Who sees whom.</param>
    /// <param name="draws">What dropout draws from; null where nothing is dropped.</param>
    /// <param name="state">Holds the way back open until it is disposed of.</param>
    public Tensor Forward(Tensor x_TD, RotaryEmbedding.Rotation rotation, RaggedCausalAttention pattern, DropoutDraws? draws, out State state)
    {
        using var scope = NewDisposeScope();
        var inputScale_T1 = _inputNorm.Scale(x_TD);
        var attended_TD = _attention.Forward(_inputNorm.Forward(x_TD, inputScale_T1), rotation, pattern, draws, out var rows).add_(x_TD, KeptScalar.One);
        var attendedScale_T1 = _postAttentionNorm.Scale(attended_TD);
        var output_TD = _feedForward.Forward(_postAttentionNorm.Forward(attended_TD, attendedScale_T1), draws, out var gates).add_(attended_TD, KeptScalar.One);
        state = new(x_TD, inputScale_T1.DetachFromDisposeScope(), rows, attended_TD.DetachFromDisposeScope(), attendedScale_T1.DetachFromDisposeScope(), gates);
        return output_TD.MoveToOuterDisposeScope();
    }

    /// <summary>Adds d loss / d weights, and turns d loss / d output into d loss / d input, in place.</summary>
    /// <param name="state">What the way forward left.</param>
    /// <param name="rotation">The positions' angles.</param>
    /// <param name="gradient_TD">d loss / d output.</param>
    /// <param name="draws">Those of the way forward.</param>
    /// <param name="toInput">Whether somebody below learns; where not, what the gradient holds afterwards means nothing.</param>
    public void Backward(State state, RotaryEmbedding.Rotation rotation, Tensor gradient_TD, DropoutDraws? draws, bool toInput)
    {
        using var scope = NewDisposeScope();
        var (x_TD, attended_TD) = (state.Input_TD, state.Attended_TD);
        var ofNorm_TD = _feedForward.Backward(_postAttentionNorm.Forward(attended_TD, state.AttendedScale_T1), state.Gates, gradient_TD, draws);
        _postAttentionNorm.Backward(attended_TD, state.AttendedScale_T1, ofNorm_TD, gradient_TD);
        if (!toInput && !AttentionLearns) return;
        if (_attention.Backward(_inputNorm.Forward(x_TD, state.InputScale_T1), rotation, state.Rows, gradient_TD, draws, toInput || _inputNorm.Learns) is { } ofAttention_TD)
            _inputNorm.Backward(x_TD, state.InputScale_T1, ofAttention_TD, gradient_TD);
    }

    /// <summary>What a layer keeps for the way back.</summary>
    internal sealed record State(
        Tensor Input_TD, Tensor InputScale_T1, AttendedRows Rows, Tensor Attended_TD, Tensor AttendedScale_T1, FeedForward.Gates Gates) : IDisposable
    {
        public void Dispose()
        {
            Rows.Dispose();
            foreach (var tensor in new[] { Input_TD, InputScale_T1, Attended_TD, AttendedScale_T1, Gates.Gate_TF, Gates.Up_TF }) tensor.Dispose();
        }
    }
}
