using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Model.Quantization;

/// <summary>
/// A projection's frozen matrix, held in NF4 and made whole for each use in the data type of the activations: on the way forward, and once more on the way back, so that between the two only the
/// codes are in memory. What is multiplied by is the same matrix both times, hence d loss / d input is the exact gradient of the quantized model.
/// </summary>
internal sealed class Nf4Map(Nf4Matrix matrix_OI) : ILinearMap
{
    public bool Learns => false;

    public Tensor Forward(Tensor x_TI)
    {
        using var whole_OI = matrix_OI.Dequantize(x_TI.dtype);
        return linear(x_TI, whole_OI);
    }

    public Tensor Backward(Tensor gradient_TO)
    {
        using var whole_OI = matrix_OI.Dequantize(gradient_TO.dtype);
        return gradient_TO.matmul(whole_OI);
    }

    public void Backward(Tensor gradient_TO, Tensor inputGradient_TI)
    {
        using var whole_OI = matrix_OI.Dequantize(gradient_TO.dtype);
        inputGradient_TI.addmm_(gradient_TO, whole_OI, 1, 1);
    }

    public void AddGradient(Tensor x_TI, Tensor gradient_TO) { }
}
