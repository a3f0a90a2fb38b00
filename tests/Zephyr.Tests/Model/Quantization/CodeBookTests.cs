using Zephyr.Model.Quantization;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model.Quantization;

/// <summary>The two code books are the published ones.</summary>
public class CodeBookTests
{
    /// <summary>bitsandbytes' map of 8 bits above 0, as it prints it.</summary>
    private static readonly float[] DynamicAboveZero =
    [
        5.50000038e-07f, 3.25000019e-06f, 7.7499999e-06f, 2.12499981e-05f, 4.37499984e-05f, 6.62500024e-05f, 8.87499991e-05f, 0.000156250011f, 0.000268750038f,
        0.000381250022f, 0.000493750034f, 0.000606250076f, 0.00071875006f, 0.000831249985f, 0.000943750085f, 0.00128124992f, 0.00184375001f, 0.00240624999f,
        0.00296874996f, 0.00353124971f, 0.00409374991f, 0.00465624966f, 0.00521875033f, 0.00578125007f, 0.00634374982f, 0.00690625003f, 0.00746874977f, 0.00803124998f,
        0.00859375019f, 0.00915624946f, 0.00971874967f, 0.0114062503f, 0.0142187504f, 0.0170312505f, 0.0198437516f, 0.0226562507f, 0.0254687499f, 0.028281251f,
        0.0310937501f, 0.0339062512f, 0.0367187522f, 0.0395312496f, 0.0423437469f, 0.0451562516f, 0.047968749f, 0.05078125f, 0.053593751f, 0.0564062484f, 0.0592187531f,
        0.0620312504f, 0.0648437515f, 0.0676562563f, 0.0704687461f, 0.0732812509f, 0.0760937482f, 0.078906253f, 0.0817187577f, 0.0845312476f, 0.0873437524f,
        0.0901562497f, 0.0929687545f, 0.0957812592f, 0.0985937491f, 0.107031256f, 0.12109375f, 0.135156244f, 0.149218753f, 0.163281247f, 0.177343756f, 0.19140625f,
        0.205468744f, 0.219531253f, 0.233593747f, 0.247656241f, 0.26171875f, 0.275781274f, 0.289843738f, 0.303906262f, 0.317968726f, 0.33203125f, 0.346093744f,
        0.360156238f, 0.374218762f, 0.388281226f, 0.40234375f, 0.416406244f, 0.430468738f, 0.444531262f, 0.458593726f, 0.47265625f, 0.486718714f, 0.500781238f,
        0.514843702f, 0.528906226f, 0.54296875f, 0.557031274f, 0.571093798f, 0.585156262f, 0.599218726f, 0.61328125f, 0.627343774f, 0.641406298f, 0.655468762f,
        0.669531226f, 0.68359375f, 0.697656274f, 0.711718798f, 0.725781262f, 0.739843726f, 0.75390625f, 0.767968774f, 0.782031238f, 0.796093762f, 0.810156226f,
        0.82421875f, 0.838281274f, 0.852343738f, 0.866406262f, 0.880468726f, 0.89453125f, 0.908593774f, 0.922656238f, 0.936718762f, 0.950781226f, 0.96484375f,
        0.978906274f, 0.992968738f,
    ];

    /// <summary>The 16 numbers of the QLoRA paper's appendix E.</summary>
    private static readonly float[] Published =
    [
        -1.0f, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0.0f,
        0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1.0f,
    ];

    [Fact]
    public void Nf4_is_the_published_code_book() => Assert.Equal(Published, CodeBook.Nf4.Values);

    /// <summary>How the paper makes it: quantiles of the normal distribution, eight above 0 and seven below, divided by the largest.</summary>
    [Fact]
    public void Nf4_are_quantiles_of_the_normal_distribution()
    {
        double[] made = [.. Quantiles(8).Select(q => -q).Concat(Quantiles(9)).Append(0).Order()];
        Assert.Equal(16, made.Length);
        foreach (var (expected, value) in made.Zip(CodeBook.Nf4.Values)) Assert.Equal(expected / made[^1], value, 2e-6);

        // From 0.9677083 down to 1/2, which is left out.
        static IEnumerable<double> Quantiles(int points) => Enumerable.Range(0, points - 1).Select(i => Quantile(0.9677083 + (0.5 - 0.9677083) * i / (points - 1)));
        static double Quantile(double p) => Math.Sqrt(2) * tensor(2 * p - 1, ScalarType.Float64).erfinv().item<double>();
    }

    [Fact]
    public void The_dynamic_map_is_the_published_one() =>
        Assert.Equal([.. DynamicAboveZero.Select(value => -value).Reverse(), 0, .. DynamicAboveZero, 1], CodeBook.Dynamic.Values);

    [Theory]
    [InlineData(16)]
    [InlineData(256)]
    public void Bounds_are_midpoints(int codes)
    {
        var book = codes == 16 ? CodeBook.Nf4 : CodeBook.Dynamic;
        Assert.Equal((codes, codes - 1), (book.Values.Length, book.Bounds.Length));
        foreach (var (i, bound) in book.Bounds.Index())
        {
            var (below, above) = (book.Values[i], book.Values[i + 1]);
            Assert.True(below < bound && bound < above);
            Assert.Equal(((double)below + above) / 2, bound, 1e-7);
        }
    }
}
