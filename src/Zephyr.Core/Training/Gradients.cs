using Zephyr.Model;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>
/// The gradient of a step, summed over its micro-batches in fp32 (decision 5). fp32 parameters accumulate in their own
/// gradient; those of another data type hand each micro-batch's gradient over to an fp32 sum and free it.
/// </summary>
internal sealed class Gradients(ParameterSet parameters) : IDisposable
{
    private readonly Dictionary<string, Tensor> _sums = [];

    /// <summary>Takes over what the last micro-batch left in the parameters of lower precision.</summary>
    public void Collect()
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        foreach (var (name, parameter) in parameters.All)
        {
            if (parameter.dtype == ScalarType.Float32 || parameter.grad is not { } gradient) continue;
            if (_sums.TryGetValue(name, out var sum)) sum.add_(gradient, KeptScalar.One);
            else _sums[name] = gradient.to_type(ScalarType.Float32).DetachFromDisposeScope();
            parameter.grad = null;
        }
    }

    /// <summary>The gradient of a parameter, fp32; null where the step did not touch it. The caller disposes of it within a scope.</summary>
    public Tensor? Of(string name, Tensor parameter) =>
        parameter.dtype == ScalarType.Float32 ? parameter.grad : _sums.GetValueOrDefault(name)?.alias();

    /// <summary>The global L2 norm, a scalar on the device; no value is read back here.</summary>
    public Tensor Norm()
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var norms = parameters.All.Select(entry => Of(entry.Key, entry.Value)).OfType<Tensor>().Select(gradient => gradient.norm()).ToList();
        return stack(norms).norm().MoveToOuterDisposeScope();
    }

    /// <summary>Frees everything for the next step.</summary>
    public void Clear()
    {
        parameters.ClearGradients();
        foreach (var sum in _sums.Values) sum.Dispose();
        _sums.Clear();
    }

    /// <inheritdoc/>
    public void Dispose() => Clear();
}
