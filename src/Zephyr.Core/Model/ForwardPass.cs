using Zephyr.Data.Batches;
using Zephyr.Model.Adapters;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>
/// A batch on its way through the model, and back (decision 13): the layers are walked forward, each leaving what its way back needs, and then in
/// reverse, each adding its weights' gradients and freeing what it left. A layer that is recomputed leaves its input only and runs again first.
/// The objective turns the hidden states into d loss / d hidden and hands that to <see cref="Backward"/>. Below the first layer in which
/// something learns nothing is kept, and nobody goes back there.
/// </summary>
public sealed class ForwardPass : IDisposable
{
    private readonly MistralForCausalLM _model;
    private readonly RaggedBatch _batch;
    private readonly RaggedCausalAttention _pattern;
    private readonly RotaryEmbedding.Rotation _rotation;
    private readonly DecoderLayer.State?[] _states;
    private readonly Tensor?[] _inputs;
    private readonly Tensor _last_TD, _lastScale_T1;
    private readonly DropoutDraws? _draws;
    private readonly int _lowest;

    internal ForwardPass(MistralForCausalLM model, RaggedBatch batch, int recomputeEvery)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        (_model, _batch, _pattern) = (model, batch, RaggedCausalAttention.Of(batch, model.Config.SlidingWindow, model.AttentionKernel));
        var rotation = model.RotationAt(batch.Positions);
        _rotation = new(rotation.Cos.DetachFromDisposeScope(), rotation.Sin.DetachFromDisposeScope());
        (_states, _inputs) = (new DecoderLayer.State?[model.Layers.Count], new Tensor?[model.Layers.Count]);
        (_draws, _lowest) = (model.Adapter is { Learns: true } ? model.Dropout.Next() : null, model.LowestThatLearns);
        var x_TD = model.Embed(batch.TokenIds).DetachFromDisposeScope();
        for (var i = 0; i < _states.Length; i++)
        {
            if (i < _lowest)
            {
                using var passed = x_TD;
                x_TD = model.Layers[i].Forward(x_TD, _rotation, _pattern, _draws).DetachFromDisposeScope();
            }
            else if (recomputeEvery > 0 && i % recomputeEvery == 0)
            {
                _inputs[i] = x_TD;
                x_TD = model.Layers[i].Forward(x_TD, _rotation, _pattern, _draws).DetachFromDisposeScope();
            }
            else
            {
                x_TD = model.Layers[i].Forward(x_TD, _rotation, _pattern, _draws, out var state).DetachFromDisposeScope();
                _states[i] = state;
            }
        }
        (_last_TD, _lastScale_T1) = (x_TD, model.FinalNorm.Scale(x_TD).DetachFromDisposeScope());
        Hidden_TD = model.FinalNorm.Forward(_last_TD, _lastScale_T1).DetachFromDisposeScope();
    }

    /// <summary>Hidden states after the final norm, [T, D], without a graph.</summary>
    public Tensor Hidden_TD { get; }

    /// <summary>Adds d loss / d parameters to every weight's gradient; once.</summary>
    /// <param name="gradient_TD">d loss / d hidden.</param>
    public void Backward(Tensor gradient_TD)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        if (_lowest == _states.Length && !_model.FinalNorm.Learns) return;
        var ofInput_TD = zeros_like(_last_TD);
        _model.FinalNorm.Backward(_last_TD, _lastScale_T1, gradient_TD, ofInput_TD);
        for (var i = _states.Length - 1; i >= _lowest; i--)
        {
            using var layerScope = NewDisposeScope();
            if (_inputs[i] is { } input)
            {
                _ = _model.Layers[i].Forward(input, _rotation, _pattern, _draws, out var again);
                (_states[i], _inputs[i]) = (again, null);
            }
            _model.Layers[i].Backward(_states[i]!, _rotation, ofInput_TD, _draws, toInput: i > _lowest || _model.EmbeddingLearns);
            _states[i]!.Dispose();
            _states[i] = null;
        }
        if (_model.EmbeddingLearns) _model.EmbedBackward(_batch.TokenIds, ofInput_TD);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var state in _states) state?.Dispose();
        foreach (var input in _inputs) input?.Dispose();
        foreach (var tensor in new[] { _last_TD, _lastScale_T1, Hidden_TD, _rotation.Cos, _rotation.Sin }) tensor.Dispose();
        _pattern.Dispose();
    }
}
