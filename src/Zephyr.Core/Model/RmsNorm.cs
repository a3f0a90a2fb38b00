using TorchSharp;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>Root-mean-square norm: x / sqrt(mean(x^2) + eps) * weight. Statistics in fp32 whatever the data type (decision 5).</summary>
internal sealed class RmsNorm(Tensor weight_D, double epsilon)
{
    private readonly Scalar _epsilon = epsilon;

    /// <param name="x_TD">Hidden states.</param>
    /// <returns>[T, D] in the data type of the input.</returns>
    public Tensor Forward(Tensor x_TD)
    {
        var x = x_TD.to_type(ScalarType.Float32);
        var normed = x * rsqrt((x * x).mean([-1], keepdim: true).add(_epsilon, KeptScalar.One));
        return normed.to_type(x_TD.dtype) * weight_D;
    }
}
