using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Model;

/// <summary>A linear map without bias: y = x W^T, and the way back.</summary>
internal sealed class Projection(Weight weight_OI)
{
    /// <returns>[T, O]</returns>
    public Tensor Forward(Tensor x_TI) => linear(x_TI, weight_OI.Value);

    /// <summary>Adds the weight's gradient and returns d loss / d input.</summary>
    /// <param name="x_TI">The input that <see cref="Forward"/> saw.</param>
    /// <param name="gradient_TO">d loss / d output.</param>
    public Tensor Backward(Tensor x_TI, Tensor gradient_TO)
    {
        weight_OI.AddProduct(gradient_TO, x_TI);
        return gradient_TO.matmul(weight_OI.Value);
    }

    /// <summary>The same, and adds d loss / d input to what other maps of the same input have left.</summary>
    public void Backward(Tensor x_TI, Tensor gradient_TO, Tensor inputGradient_TI)
    {
        weight_OI.AddProduct(gradient_TO, x_TI);
        inputGradient_TI.addmm_(gradient_TO, weight_OI.Value, 1, 1);
    }
}
