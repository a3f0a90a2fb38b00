using System.Collections.Concurrent;
using System.Globalization;
using Zephyr.Data.Batches;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>Tries the flash kernel on a small ragged batch, forward and back, against the per-sequence path: whether this device and this libtorch have it, and whether it means the same.</summary>
public static class FlashProbe
{
    /// <summary>What the two may differ by, of the largest number: rounding to bf16 (8 bits) of results and of what goes back.</summary>
    private const double Bound = 0.02;

    private static readonly ConcurrentDictionary<(string Device, int HeadDim), string?> Known = new();

    /// <summary>E of Mistral-7B.</summary>
    public const int MistralsHeadDim = 128;

    /// <summary>Null where it works, otherwise why not; tried once for each device and width, as a kernel is for one width.</summary>
    /// <param name="device">Where.</param>
    /// <param name="headDim">E.</param>
    public static string? Problem(Device device, int headDim)
    {
        ArgumentNullException.ThrowIfNull(device);
        return Known.GetOrAdd((device.ToString(), headDim), _ => Try(device, FlashKernel.Instance, headDim));
    }

    /// <summary>The layouts that training makes: sequences alone, an answer behind another's prompt, and a window shorter than a sequence; of more keys than a kernel takes at once too.</summary>
    internal static IEnumerable<(RaggedBatch Batch, int? Window)> Layouts
    {
        get
        {
            var alone = RaggedBatch.Of(new int[70], new int[1], new int[33], new int[300]);
            var shared = RaggedBatch.Of(new int[50], new int[21], new int[9]) with { Prefixes = [default, new(0, 30), default] };
            return [(alone, null), (alone, 16), (alone, 150), (shared, null), (shared, 16)];
        }
    }

    /// <summary>Memory that runs out says nothing about the kernel, and is thrown on.</summary>
    internal static string? Try(Device device, IVarlenKernel kernel, int headDim)
    {
        try
        {
            foreach (var (batch, window) in Layouts)
                if (Difference(device, kernel, headDim, batch, window) is var worst && !(worst <= Bound))
                    return string.Create(CultureInfo.InvariantCulture, $"its numbers differ from the per-sequence path's by {worst:0.####} of the largest, at most {Bound} is rounding");
            return null;
        }
        catch (Exception error) when (!TorchErrors.IsOutOfMemory(error))
        {
            return TorchErrors.Reason(error);
        }
    }

    /// <summary>The largest difference of result and gradients, each as a share of its largest number.</summary>
    private static double Difference(Device device, IVarlenKernel kernel, int headDim, RaggedBatch batch, int? window)
    {
        using var scope = NewDisposeScope();
        const int heads = 4, keyHeads = 2;
        var inputs = new[] { heads, keyHeads, keyHeads, heads }.Select((count, i) => Numbers(batch.TokenCount, count, headDim, i).to(ScalarType.BFloat16, device)).ToArray();
        return Through(kernel, inputs).Zip(Through(null, inputs), (found, expected) =>
            ((found - expected).abs().max() / expected.abs().max()).cpu().item<float>()).Max();

        List<Tensor> Through(IVarlenKernel? way, Tensor[] x)
        {
            // The per-sequence path in fp32: what both ought to be.
            var (q, k, v, gradient) = way is null ? (Exact(x[0]), Exact(x[1]), Exact(x[2]), Exact(x[3])) : (x[0], x[1], x[2], x[3]);
            using var pattern = RaggedCausalAttention.Of(batch, window, way);
            using var rows = pattern.Keep(q, k, v);
            var (ofQ, ofK, ofV) = rows.Backward(gradient);
            return [Exact(rows.Rows()), Exact(ofQ), Exact(ofK), Exact(ofV)];
        }
    }

    private static Tensor Exact(Tensor x) => x.to_type(ScalarType.Float32);

    private static Tensor Numbers(int tokens, int heads, int width, int stream)
    {
        var random = new SeededRandom(1, stream);
        return tensor(Enumerable.Range(0, tokens * heads * width).Select(_ => (float)(2 * random.NextDouble() - 1)).ToArray()).view(tokens, heads, width);
    }
}
