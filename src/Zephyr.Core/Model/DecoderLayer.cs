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

    /// <returns>[T, D]; everything else is freed, but for what autograd keeps where it is recording.</returns>
    public Tensor Forward(Tensor x_TD, RotaryEmbedding.Rotation rotation, IAttentionPattern pattern)
    {
        using var scope = NewDisposeScope();
        var attended_TD = _attention.Forward(_inputNorm.Forward(x_TD), rotation, pattern).add(x_TD, KeptScalar.One);
        return _feedForward.Forward(_postAttentionNorm.Forward(attended_TD)).add(attended_TD, KeptScalar.One).MoveToOuterDisposeScope();
    }

    /// <summary>The same numbers, and what the way back needs. Norms and activations are cheap and are made again there.</summary>
    /// <param name="x_TD">The input; it is the state's from here on.</param>
    /// <param name="rotation">The positions' angles.</param>
    /// <param name="pattern">Who sees whom.</param>
    /// <param name="state">Holds the way back open until it is disposed of.</param>
    public Tensor Forward(Tensor x_TD, RotaryEmbedding.Rotation rotation, RaggedCausalAttention pattern, out State state)
    {
        using var scope = NewDisposeScope();
        var inputScale_T1 = _inputNorm.Scale(x_TD);
        var attended_TD = _attention.Forward(_inputNorm.Forward(x_TD, inputScale_T1), rotation, pattern, out var rows).add_(x_TD, KeptScalar.One);
        var attendedScale_T1 = _postAttentionNorm.Scale(attended_TD);
        var output_TD = _feedForward.Forward(_postAttentionNorm.Forward(attended_TD, attendedScale_T1), out var gates).add_(attended_TD, KeptScalar.One);
        state = new(x_TD, inputScale_T1.DetachFromDisposeScope(), rows, attended_TD.DetachFromDisposeScope(), attendedScale_T1.DetachFromDisposeScope(), gates);
        return output_TD.MoveToOuterDisposeScope();
    }

    /// <summary>Adds d loss / d weights, and turns d loss / d output into d loss / d input, in place.</summary>
    public void Backward(State state, RotaryEmbedding.Rotation rotation, Tensor gradient_TD)
    {
        using var scope = NewDisposeScope();
        var (x_TD, attended_TD) = (state.Input_TD, state.Attended_TD);
        var ofNorm_TD = _feedForward.Backward(_postAttentionNorm.Forward(attended_TD, state.AttendedScale_T1), state.Gates, gradient_TD);
        _postAttentionNorm.Backward(attended_TD, state.AttendedScale_T1, ofNorm_TD, gradient_TD);
        ofNorm_TD = _attention.Backward(_inputNorm.Forward(x_TD, state.InputScale_T1), rotation, state.Rows, gradient_TD);
        _inputNorm.Backward(x_TD, state.InputScale_T1, ofNorm_TD, gradient_TD);
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
