using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>
/// One weight and, while a step is under way, the gradient that its micro-batches add up to. The gradient is fp32 whatever the weight is (decision 5)
/// and each layer adds to it as the backward pass goes through, so a gradient of lower precision never lives longer than its layer's turn. Its
/// memory stays from step to step: what comes and goes leaves holes.
/// </summary>
public sealed class Weight : IDisposable
{
    private Tensor? _buffer;
    private bool _holdsGradient;

    internal Weight(string name, Tensor value) => (Name, Value) = (name, value);

    /// <summary>The checkpoint's name.</summary>
    public string Name { get; }

    /// <summary>The numbers.</summary>
    public Tensor Value { get; }

    /// <summary>Whether it takes a gradient.</summary>
    public bool Learns => Value.requires_grad;

    /// <summary>d loss / d weight so far, fp32; null before anything was added. Owned by this.</summary>
    public Tensor? Gradient => _holdsGradient ? _buffer : null;

    /// <summary>Whether memory is held for a gradient, there being one or not.</summary>
    internal bool HasRoom => _buffer is not null;

    /// <summary>Adds a gradient.</summary>
    /// <exception cref="ArgumentException">It is not of the weight's shape.</exception>
    public void Add(Tensor gradient)
    {
        ArgumentNullException.ThrowIfNull(gradient);
        if (!Learns) return;
        // Optimizers walk over the memory of both.
        if (!gradient.shape.SequenceEqual(Value.shape)) throw new ArgumentException($"{Name}: a gradient of {string.Join('x', gradient.shape)}", nameof(gradient));
        if (_holdsGradient) _buffer!.add_(gradient, KeptScalar.One);
        else Begin().copy_(gradient);
    }

    /// <summary>Adds y^T x: the gradient of a linear map W [O, I] from d loss / d output and the input.</summary>
    /// <param name="y">d loss / d output, [T, O].</param>
    /// <param name="x">The input, [T, I].</param>
    public void AddProduct(Tensor y, Tensor x)
    {
        ArgumentNullException.ThrowIfNull(y);
        ArgumentNullException.ThrowIfNull(x);
        if (!Learns) return;
        using var y_OT = y.t();
        if (x.dtype == ScalarType.Float32)
        {
            // The product and the sum in one go, without a tensor of the weight's size in between; with beta 0 what stands there does not count.
            var beta = _holdsGradient ? 1 : 0;
            Begin().addmm_(y_OT, x, beta, 1);
            return;
        }
        using var product = y_OT.matmul(x);
        Add(product);
    }

    /// <summary>Adds rows to those of a table: the gradient of an embedding.</summary>
    /// <param name="rows">Which rows, [T]; one may come several times.</param>
    /// <param name="gradient">What is added to each, [T, D].</param>
    public void AddRows(Tensor rows, Tensor gradient)
    {
        ArgumentNullException.ThrowIfNull(gradient);
        if (!Learns) return;
        if (!_holdsGradient) Begin().zero_();
        using var exact = gradient.to_type(ScalarType.Float32);
        _buffer!.index_add_(0, rows, exact, KeptScalar.One);
    }

    /// <summary>Forgets the gradient.</summary>
    public void ClearGradient() => _holdsGradient = false;

    /// <summary>Forgets the gradient and gives its memory back.</summary>
    public void ReleaseGradient()
    {
        _holdsGradient = false;
        _buffer?.Dispose();
        _buffer = null;
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        ReleaseGradient();
        Value.Dispose();
    }

    private Tensor Begin()
    {
        _holdsGradient = true;
        return _buffer ??= empty(Value.shape, dtype: ScalarType.Float32, device: Value.device).DetachFromDisposeScope();
    }
}
