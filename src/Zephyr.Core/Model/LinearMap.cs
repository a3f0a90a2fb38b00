using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Model;

/// <summary>
/// The matrix W [O, I] of a projection, however it is held: what is asked of it is y = x W^T and the way back. A frozen one may be held in any form that gives
/// these; only one that learns has a gradient to add to.
/// </summary>
internal interface ILinearMap
{
    /// <summary>Whether it takes a gradient.</summary>
    bool Learns { get; }

    /// <returns>[T, O], nobody else's: adapters add to it in place.</returns>
    Tensor Forward(Tensor x_TI);

    /// <summary>d loss / d input, from d loss / d output.</summary>
    /// <returns>[T, I]</returns>
    Tensor Backward(Tensor gradient_TO);

    /// <summary>The same, added to what other maps of the same input have left.</summary>
    void Backward(Tensor gradient_TO, Tensor inputGradient_TI);

    /// <summary>Adds d loss / d W; does nothing where it is frozen.</summary>
    void AddGradient(Tensor x_TI, Tensor gradient_TO);
}

/// <summary>A matrix that is held as one tensor of the activations' data type.</summary>
internal sealed class DenseMap(Weight weight_OI) : ILinearMap
{
    public bool Learns => weight_OI.Learns;

    public Tensor Forward(Tensor x_TI) => linear(x_TI, weight_OI.Value);

    public Tensor Backward(Tensor gradient_TO) => gradient_TO.matmul(weight_OI.Value);

    public void Backward(Tensor gradient_TO, Tensor inputGradient_TI) => inputGradient_TI.addmm_(gradient_TO, weight_OI.Value, 1, 1);

    public void AddGradient(Tensor x_TI, Tensor gradient_TO) => weight_OI.AddProduct(gradient_TO, x_TI);
}
