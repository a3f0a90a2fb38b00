using System.Diagnostics;
using Zephyr.Model;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Evaluation.Speed;

/// <summary>How fast this machine multiplies matrices, in this process, on the shapes that a model is made of.</summary>
public static class MatrixProductRate
{
    /// <summary>
    /// Operations a second over the products of one layer and of the head, each in its three forms: forward, and backward to the input and to
    /// the weight. The best of several rounds: what disturbs the machine can only slow it.
    /// </summary>
    /// <param name="config">The model.</param>
    /// <param name="tokens">Rows of a pass.</param>
    /// <param name="dtype">Data type of weights and activations.</param>
    /// <param name="device">Where.</param>
    /// <param name="rounds">How often.</param>
    public static double Measure(MistralConfig config, int tokens, ScalarType dtype, Device device, int rounds = 5)
    {
        ArgumentNullException.ThrowIfNull(config);
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var layer = Seconds(MatrixProducts.Products(config), tokens, dtype, device, rounds);
        var head = Seconds([(config.HiddenSize, config.VocabSize)], Math.Min(tokens, 512), dtype, device, rounds);
        // As in the model: a head for all its layers, over as many rows.
        var headTimes = (double)tokens / Math.Min(tokens, 512);
        var operations = 6.0 * tokens * (config.NumHiddenLayers * MatrixProducts.Products(config).Sum(product => (double)product.In * product.Out)
            + (double)config.HiddenSize * config.VocabSize);
        return operations / (config.NumHiddenLayers * layer + headTimes * head);
    }

    private static double Seconds(IEnumerable<(long In, long Out)> products, long tokens, ScalarType dtype, Device device, int rounds)
    {
        var operands = products.Select(shape => (X: rand(tokens, shape.In, dtype, device), W: rand(shape.Out, shape.In, dtype, device), Y: rand(tokens, shape.Out, dtype, device))).ToList();
        var best = double.PositiveInfinity;
        for (var round = 0; round <= rounds; round++)
        {
            var watch = Stopwatch.StartNew();
            foreach (var (x, w, y) in operands)
            {
                using var scope = NewDisposeScope();
                _ = linear(x, w);
                _ = y.mm(w);
                _ = y.t().mm(x);
            }
            if (device.type == TorchSharp.DeviceType.CUDA) cuda.synchronize(device);
            if (round > 0) best = Math.Min(best, watch.Elapsed.TotalSeconds); // The first one warms up.
        }
        return best;
    }
}
