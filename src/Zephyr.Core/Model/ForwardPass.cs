using Zephyr.Data.Batches;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>
/// A batch on its way through the model, and back. The objective sees detached hidden states, turns them into
/// d loss / d hidden, and hands that to <see cref="Backward"/> (decision 13). With recomputation only each layer's input
/// is kept, and the layers are walked in reverse, each run again with a graph of its own.
/// </summary>
public sealed class ForwardPass : IDisposable
{
    private readonly MistralForCausalLM _model;
    private readonly RaggedBatch _batch;
    private readonly RaggedCausalAttention _pattern;
    private readonly Tensor[]? _layerInputs;
    private readonly Tensor _output_TD;

    internal ForwardPass(MistralForCausalLM model, RaggedBatch batch, bool recompute)
    {
        (_model, _batch) = (model, batch);
        _pattern = new(batch, model.Config.SlidingWindow);
        if (recompute)
        {
            (_layerInputs, _output_TD) = RunKeepingInputs();
        }
        else
        {
            _output_TD = model.HiddenStates(batch.TokenIds, batch.Positions, _pattern).DetachFromDisposeScope();
        }
        Hidden_TD = _output_TD.detach().DetachFromDisposeScope();
    }

    /// <summary>Hidden states after the final norm, [T, D], cut off from the layers' graph.</summary>
    public Tensor Hidden_TD { get; }

    /// <summary>Adds d loss / d parameters to every parameter's gradient.</summary>
    /// <param name="gradient_TD">d loss / d hidden.</param>
    public void Backward(Tensor gradient_TD)
    {
        if (_layerInputs is null)
        {
            autograd.backward([_output_TD], [gradient_TD]);
            return;
        }
        using var scope = NewDisposeScope();
        var rotation = _model.RotationAt(_batch.Positions);
        var gradient = BackwardThrough(_layerInputs[^1], _model.Normalize, gradient_TD);
        for (var i = _model.LayerCount - 1; i >= 0; i--)
        {
            var layer = i;
            var next = BackwardThrough(_layerInputs[i], x => _model.RunLayer(layer, x, rotation, _pattern), gradient);
            gradient.Dispose();
            _layerInputs[i].Dispose();
            gradient = next;
        }
        autograd.backward([_model.Embed(_batch.TokenIds)], [gradient]);
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var input in _layerInputs ?? []) input.Dispose();
        _output_TD.Dispose();
        Hidden_TD.Dispose();
        _pattern.Dispose();
    }

    /// <summary>The inputs of layers 0.. and, last, of the final norm; and the final norm's output.</summary>
    private (Tensor[] Inputs, Tensor Output) RunKeepingInputs()
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var rotation = _model.RotationAt(_batch.Positions);
        var inputs = new Tensor[_model.LayerCount + 1];
        inputs[0] = _model.Embed(_batch.TokenIds).DetachFromDisposeScope();
        for (var i = 0; i < _model.LayerCount; i++)
            inputs[i + 1] = _model.RunLayer(i, inputs[i], rotation, _pattern).DetachFromDisposeScope();
        return (inputs, _model.Normalize(inputs[^1]).DetachFromDisposeScope());
    }

    /// <summary>Runs one piece again with a graph, sends the gradient through it, and returns d loss / d input.</summary>
    private static Tensor BackwardThrough(Tensor input, Func<Tensor, Tensor> piece, Tensor gradient)
    {
        using var scope = NewDisposeScope();
        var leaf = input.detach().requires_grad_(true);
        autograd.backward([piece(leaf)], [gradient]);
        return leaf.grad!.MoveToOuterDisposeScope();
    }
}
