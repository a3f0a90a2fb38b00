namespace Zephyr.Model.Quantization;

/// <summary>
/// Numbers from -1 to 1 that codes stand for, in rising order, and where each code begins: code i is taken by what lies above <c>Bounds[i - 1]</c> and not above <c>Bounds[i]</c>.
/// </summary>
internal sealed record CodeBook(float[] Values, float[] Bounds)
{
    /// <summary>
    /// NF4 of the QLoRA paper (arXiv 2305.14314), as bitsandbytes publishes it: 16 quantiles of the normal distribution, one of them 0, scaled to -1 and 1. The bounds are bitsandbytes' too: midpoints,
    /// some of them a last place off.
    /// </summary>
    public static CodeBook Nf4 { get; } = new(
        [
            -1, -0.6961928009986877f, -0.5250730514526367f, -0.39491748809814453f, -0.28444138169288635f, -0.18477343022823334f, -0.09105003625154495f, 0,
            0.07958029955625534f, 0.16093020141124725f, 0.24611230194568634f, 0.33791524171829224f, 0.44070982933044434f, 0.5626170039176941f, 0.7229568362236023f, 1,
        ],
        [
            -0.8480964004993439f, -0.6106329262256622f, -0.4599952697753906f, -0.33967943489551544f, -0.23460740596055984f, -0.13791173323988914f, -0.045525018125772476f,
            0.03979014977812767f, 0.1202552504837513f, 0.2035212516784668f, 0.2920137718319893f, 0.3893125355243683f, 0.5016634166240692f, 0.6427869200706482f, 0.8614784181118011f,
        ]);

    /// <summary>
    /// bitsandbytes' signed dynamic map of 8 bits (arXiv 1511.04561): seven decades from 1e-6 to 1, the i-th cut into 2^i even steps, of which it holds the middles, with both signs; 0 and 1
    /// besides. The arithmetic is fp32 with fused products, which is what gives the published numbers. On a bound the even code is taken, as its search comes out.
    /// </summary>
    public static CodeBook Dynamic { get; } = OfDynamic();

    private static CodeBook OfDynamic()
    {
        List<float> values = [0, 1];
        for (var decade = 0; decade < 7; decade++)
        {
            var steps = 1 << decade;
            var factor = (float)Math.Pow(10, decade - 6);
            for (var i = 0; i < steps; i++)
            {
                var middle = factor * ((Edge(i, steps) + Edge(i + 1, steps)) / 2);
                values.AddRange([middle, -middle]);
            }
        }
        values.Sort();
        var bounds = values.Zip(values.Skip(1)).Select((pair, i) => (pair.First + pair.Second) * 0.5f is var bound && i % 2 == 0 ? bound : MathF.BitDecrement(bound));
        return new([.. values], [.. bounds]);
    }

    /// <summary>The i-th of n + 1 even points from 0.1 to 1, counted from the nearer end.</summary>
    private static float Edge(int i, int n)
    {
        var step = (1 - 0.1f) / n;
        return i < (n + 1) / 2 ? MathF.FusedMultiplyAdd(step, i, 0.1f) : MathF.FusedMultiplyAdd(-step, n - i, 1);
    }
}
