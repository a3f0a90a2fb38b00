using Zephyr.Model.Quantization;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>A model with random weights, as transformers initialises one: normal(0, initializer_range), norms 1.</summary>
public static class FreshModel
{
    /// <summary>The same seed gives the same weights; on a GPU, where drawing billions on the CPU would take minutes, other ones than on the CPU.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="seed">Of the random numbers, which are drawn in fp32 on the CPU, or on the GPU in the weights' data type.</param>
    /// <param name="device">Where the weights go.</param>
    /// <param name="dtype">What they are rounded to.</param>
    /// <param name="trainable">Whether they take gradients.</param>
    /// <param name="quantization">How linear maps are held in 4 bits, of the numbers as they were drawn; null where they are held whole.</param>
    /// <param name="sameEverywhere">Draw on the CPU whatever the device: for comparing devices.</param>
    public static MistralForCausalLM Create(
        MistralConfig config, long seed, Device device, ScalarType dtype = ScalarType.Float32, bool trainable = true, Nf4Settings? quantization = null, bool sameEverywhere = false)
    {
        ArgumentNullException.ThrowIfNull(config);
        using var generator = new Generator((ulong)seed, CPU);
        var onDevice = device.type == TorchSharp.DeviceType.CUDA && !sameEverywhere;
        if (onDevice) DeviceRandom.Seed(device, seed);
        var parameters = new ParameterSet();
        foreach (var (name, shape) in config.Weights)
        {
            using var scope = NewDisposeScope();
            if (WeightNames.IsNorm(name))
            {
                parameters.Add(name, ones(shape, dtype: dtype, device: device));
                continue;
            }
            var drawn = onDevice ? empty(shape, dtype: dtype, device: device).normal_(0, config.InitializerRange) : empty(shape, device: CPU).normal_(0, config.InitializerRange, generator).to(device);
            if (quantization is not null && Nf4Settings.Holds(name)) parameters.Add(name, Nf4Matrix.Quantize(drawn, quantization.Nested));
            else parameters.Add(name, drawn.to_type(dtype));
        }
        return new(config, parameters.RequireGradients(trainable));
    }
}
