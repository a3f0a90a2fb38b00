using Zephyr.Model.Quantization;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>
/// A model's weights under the checkpoint's names, in the order of the forward pass. Plain leaf tensors: nothing is
/// initialised to be overwritten, nothing is registered behind one's back, and every layer is built from them by name.
/// Owns the tensors.
/// </summary>
public sealed class ParameterSet : IDisposable
{
    private readonly OrderedDictionary<string, Weight> _weights = [];
    private readonly OrderedDictionary<string, Nf4Matrix> _quantized = [];

    /// <summary>Takes ownership of a tensor. It leaves any dispose scope it was created in.</summary>
    public void Add(string name, Tensor tensor) => _weights.Add(name, new(name, tensor.DetachFromDisposeScope()));

    /// <summary>Takes ownership of a matrix that is held in 4 bits: it is no <see cref="Weight"/>, as it cannot learn.</summary>
    public void Add(string name, Nf4Matrix matrix) => _quantized.Add(name, matrix);

    /// <summary>The numbers of that name.</summary>
    /// <exception cref="KeyNotFoundException">There are none: the loader has compared names before, so this is a bug.</exception>
    public Tensor this[string name] => _weights[name].Value;

    /// <summary>The weight of that name, with its gradient.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    public Weight Of(string name) => _weights[name];

    /// <summary>The matrix of that name, as a projection uses it.</summary>
    /// <exception cref="KeyNotFoundException">There is none.</exception>
    internal ILinearMap MapOf(string name) => _quantized.TryGetValue(name, out var matrix) ? new Nf4Map(matrix) : new DenseMap(_weights[name]);

    /// <summary>The weights in order.</summary>
    public IEnumerable<Weight> Weights => _weights.Values;

    /// <summary>Names and tensors in order.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> All => _weights.Values.Select(weight => KeyValuePair.Create(weight.Name, weight.Value));

    /// <summary>The matrices that are held in 4 bits.</summary>
    public IEnumerable<KeyValuePair<string, Nf4Matrix>> Quantized => _quantized;

    /// <summary>How many numbers they hold.</summary>
    public long Count => _weights.Values.Sum(weight => weight.Value.numel()) + _quantized.Values.Sum(matrix => matrix.Count);

    /// <summary>Turns gradients on (a policy) or off (a frozen reference).</summary>
    public ParameterSet RequireGradients(bool required)
    {
        foreach (var weight in _weights.Values) weight.Value.requires_grad_(required);
        return this;
    }

    /// <summary>Gives the memory of every gradient back.</summary>
    public void ReleaseGradients()
    {
        foreach (var weight in _weights.Values) weight.ReleaseGradient();
    }

    /// <summary>Forgets every gradient.</summary>
    public void ClearGradients()
    {
        foreach (var weight in _weights.Values) weight.ClearGradient();
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var weight in _weights.Values) weight.Dispose();
        foreach (var matrix in _quantized.Values) matrix.Dispose();
        _weights.Clear();
        _quantized.Clear();
    }
}
