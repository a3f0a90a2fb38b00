using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>
/// A model's weights under the checkpoint's names, in the order of the forward pass. Plain leaf tensors: nothing is
/// initialised to be overwritten, nothing is registered behind one's back, and every layer is built from them by name.
/// Owns the tensors.
/// </summary>
public sealed class ParameterSet : IDisposable
{
    private readonly OrderedDictionary<string, Tensor> _tensors = [];

    /// <summary>Takes ownership of a tensor. It leaves any dispose scope it was created in.</summary>
    public void Add(string name, Tensor tensor) => _tensors.Add(name, tensor.DetachFromDisposeScope());

    /// <summary>The weight of that name.</summary>
    /// <exception cref="KeyNotFoundException">There is none: the loader has compared names before, so this is a bug.</exception>
    public Tensor this[string name] => _tensors[name];

    /// <summary>Names and tensors in order.</summary>
    public IEnumerable<KeyValuePair<string, Tensor>> All => _tensors;

    /// <summary>How many numbers they hold.</summary>
    public long Count => _tensors.Values.Sum(tensor => tensor.numel());

    /// <summary>Turns gradients on (a policy) or off (a frozen reference).</summary>
    public ParameterSet RequireGradients(bool required)
    {
        foreach (var tensor in _tensors.Values) tensor.requires_grad_(required);
        return this;
    }

    /// <summary>Frees every gradient.</summary>
    public void ClearGradients()
    {
        foreach (var tensor in _tensors.Values) tensor.grad = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        foreach (var tensor in _tensors.Values) tensor.Dispose();
        _tensors.Clear();
    }
}
