using TorchSharp;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model.Adapters;

/// <summary>
/// What LoRA (arXiv 2106.09685) adds to a projection, y += s B A x, and the way back. A and B are fp32 whatever the activations are; with bf16 ones they are rounded
/// for the products, as under autocast, and their gradients add up in fp32 like all others.
/// </summary>
/// <param name="a_RI">A, [R, I].</param>
/// <param name="b_OR">B, [O, R].</param>
/// <param name="scale">s: alpha / r, or alpha / sqrt(r).</param>
/// <param name="site">The projection's number in the model, which tells its dropout from that of others.</param>
internal sealed class LowRankMap(Weight a_RI, Weight b_OR, double scale, int site)
{
    /// <summary>Probability that an element of the input is dropped in training.</summary>
    public double Dropout { get; init; }

    public bool Learns => a_RI.Learns || b_OR.Learns;

    /// <summary>Adds to the projection's output in place.</summary>
    /// <param name="y_TO">W x.</param>
    /// <param name="x_TI">The input.</param>
    /// <param name="draws">What dropout draws from; null where nothing is dropped.</param>
    public void AddTo(Tensor y_TO, Tensor x_TI, DropoutDraws? draws)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (a_RI.Value.to_type(x_TI.dtype), b_OR.Value.to_type(x_TI.dtype));
        var (kept_TI, _, factor) = Kept(x_TI, draws);
        using Scalar number = factor;
        y_TO.addmm_(kept_TI.matmul(a.t()) * number, b.t(), 1, 1);
    }

    /// <summary>
    /// Adds the gradients of A and B, and d loss / d input where it is asked for. With k = the input as it was kept and g = d loss / d output:
    /// d loss / d B = s g^T (k A^T), d loss / d A = s (g B)^T k, d loss / d k = s g B A.
    /// </summary>
    /// <param name="x_TI">The input that <see cref="AddTo"/> saw.</param>
    /// <param name="gradient_TO">d loss / d output.</param>
    /// <param name="inputGradient_TI">Added to; null where nobody below learns.</param>
    /// <param name="draws">Those of the way forward.</param>
    public void Backward(Tensor x_TI, Tensor gradient_TO, Tensor? inputGradient_TI, DropoutDraws? draws)
    {
        using var scope = NewDisposeScope();
        var (a, b) = (a_RI.Value.to_type(x_TI.dtype), b_OR.Value.to_type(x_TI.dtype));
        var (kept_TI, mask_TI, factor) = Kept(x_TI, draws);
        using Scalar number = factor;
        if (b_OR.Learns) b_OR.AddProduct(gradient_TO, kept_TI.matmul(a.t()) * number);
        var ofInner_TR = gradient_TO.matmul(b) * number;
        a_RI.AddProduct(ofInner_TR, kept_TI);
        if (inputGradient_TI is null) return;
        if (mask_TI is null) inputGradient_TI.addmm_(ofInner_TR, a, 1, 1);
        else inputGradient_TI.addcmul_(ofInner_TR.matmul(a), mask_TI, KeptScalar.One);
    }

    /// <summary>s B A, [O, I] fp32: what the projection's matrix grows by where the adapter is merged into it.</summary>
    public Tensor Product()
    {
        using var scope = NewDisposeScope();
        using Scalar number = scale;
        return (b_OR.Value.matmul(a_RI.Value) * number).MoveToOuterDisposeScope();
    }

    /// <summary>The input without what is dropped, the mask, and s with the 1 / (1 - p) that keeps the mean: the mask itself stays exact in bf16.</summary>
    private (Tensor Kept_TI, Tensor? Mask_TI, double Factor) Kept(Tensor x_TI, DropoutDraws? draws)
    {
        if (Dropout == 0 || draws is null) return (x_TI, null, scale);
        var mask_TI = draws.Mask(site, x_TI, Dropout);
        return (x_TI * mask_TI, mask_TI, scale / (1 - Dropout));
    }
}
