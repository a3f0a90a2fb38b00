using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>
/// One weight and, while a step is under way, the gradient that its micro-batches add up to. The gradient is fp32 whatever the weight is (decision 5)
/// and each layer adds to it as the backward pass goes through, so a gradient of lower precision never lives longer than its layer's turn.
/// </summary>
public sealed class Weight : IDisposable
{
    private Tensor? _gradient;

    internal Weight(string name, Tensor value) => (Name, Value) = (name, value);

    /// <summary>The checkpoint's name.</summary>
    public string Name { get; }

    /// <summary>The numbers.</summary>
    public Tensor Value { get; }

    /// <summary>d loss / d weight so far, fp32; null before anything was added. Owned by this.</summary>
    public Tensor? Gradient => _gradient;

    /// <summary>Adds a gradient.</summary>
    /// <exception cref="ArgumentException">It is not of the weight's shape.</exception>
    public void Add(Tensor gradient)
    {
        if (!Value.requires_grad) return;
        // Optimizers walk over the memory of both.
        if (!gradient.shape.SequenceEqual(Value.shape)) throw new ArgumentException($"{Name}: a gradient of {string.Join('x', gradient.shape)}", nameof(gradient));
        if (_gradient is not null) _gradient.add_(gradient, KeptScalar.One);
        else _gradient = (gradient.dtype == ScalarType.Float32 ? gradient.alias() : gradient.to_type(ScalarType.Float32)).DetachFromDisposeScope();
    }

    /// <summary>Adds y^T x: the gradient of a linear map W [O, I] from d loss / d output and the input.</summary>
    /// <param name="y_TO">d loss / d output.</param>
    /// <param name="x_TI">The input.</param>
    public void AddProduct(Tensor y_TO, Tensor x_TI)
    {
        if (!Value.requires_grad) return;
        using var y_OT = y_TO.t();
        if (_gradient is not null && x_TI.dtype == ScalarType.Float32)
        {
            // The product and the sum in one go, without a tensor of the weight's size in between.
            _gradient.addmm_(y_OT, x_TI, 1, 1);
            return;
        }
        using var product = y_OT.matmul(x_TI);
        Add(product);
    }

    /// <summary>Adds rows to those of a table: the gradient of an embedding.</summary>
    /// <param name="rows_T">Which rows; one may come several times.</param>
    /// <param name="gradient_TD">What is added to each.</param>
    public void AddRows(Tensor rows_T, Tensor gradient_TD)
    {
        if (!Value.requires_grad) return;
        _gradient ??= zeros(Value.shape, ScalarType.Float32, Value.device).DetachFromDisposeScope();
        using var exact_TD = gradient_TD.to_type(ScalarType.Float32);
        _gradient.index_add_(0, rows_T, exact_TD, KeptScalar.One);
    }

    /// <summary>Frees the gradient.</summary>
    public void ClearGradient()
    {
        _gradient?.Dispose();
        _gradient = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ClearGradient();
        Value.Dispose();
    }
}
