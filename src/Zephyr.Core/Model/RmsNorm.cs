using TorchSharp;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>Root-mean-square norm: x / sqrt(mean(x^2) + eps) * weight. Statistics in fp32 whatever the data type (decision 5).</summary>
internal sealed class RmsNorm(Weight weight_D, double epsilon)
{
    private readonly Scalar _epsilon = epsilon;

    /// <summary>Whether its weight takes a gradient.</summary>
    public bool Learns => weight_D.Learns;

    /// <param name="x_TD">Hidden states.</param>
    /// <returns>[T, D] in the data type of the input.</returns>
    public Tensor Forward(Tensor x_TD) => Forward(x_TD, Scale(x_TD));

    /// <summary>The same, where the scale is known.</summary>
    public Tensor Forward(Tensor x_TD, Tensor scale_T1) => Unit(x_TD, scale_T1).to_type(x_TD.dtype).mul_(weight_D.Value);

    /// <summary>1 / sqrt(mean(x^2) + eps) of each row, [T, 1] fp32: all that the way back needs besides the input.</summary>
    public Tensor Scale(Tensor x_TD)
    {
        using var norm_T1 = TorchOps.RowNorms(x_TD.to_type(ScalarType.Float32));
        using Scalar share = 1.0 / x_TD.shape[^1];
        return (norm_T1 * norm_T1).mul_(share).add_(_epsilon, KeptScalar.One).rsqrt_();
    }

    /// <summary>
    /// Adds the weight's gradient, and d loss / d x to what has reached x on its other ways. With u = x scale, y = u w and g = d loss / d y:
    /// d loss / d w = sum over the rows of g u, and d loss / d x = scale (g w - u mean(g u w)).
    /// </summary>
    /// <param name="x_TD">The input.</param>
    /// <param name="scale_T1">Its <see cref="Scale"/>.</param>
    /// <param name="gradient_TD">d loss / d output.</param>
    /// <param name="inputGradient_TD">Changed in place.</param>
    public void Backward(Tensor x_TD, Tensor scale_T1, Tensor gradient_TD, Tensor inputGradient_TD)
    {
        using var scope = NewDisposeScope();
        using Scalar minusShare = -1.0 / x_TD.shape[^1];
        var (gradient, weight) = (gradient_TD.to_type(ScalarType.Float32), weight_D.Value.to_type(ScalarType.Float32));
        var unit_TD = Unit(x_TD, scale_T1);
        Tensor minusMean_T1;
        using (var both_TD = gradient * unit_TD)
        {
            if (Learns) weight_D.Add(both_TD.sum([0])); // In brackets: a bare 0 would be read as a data type.
            minusMean_T1 = both_TD.matmul(weight).mul_(minusShare).unsqueeze(1);
        }
        var ofUnit_TD = torch.mul(gradient, weight).addcmul_(unit_TD, minusMean_T1, KeptScalar.One);
        if (inputGradient_TD.dtype == ScalarType.Float32) inputGradient_TD.addcmul_(ofUnit_TD, scale_T1, KeptScalar.One);
        else inputGradient_TD.add_(ofUnit_TD.mul_(scale_T1), KeptScalar.One);
    }

    private static Tensor Unit(Tensor x_TD, Tensor scale_T1) => x_TD.to_type(ScalarType.Float32) * scale_T1;
}
