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
    public static MistralForCausalLM Create(
        MistralConfig config, long seed, Device device, ScalarType dtype = ScalarType.Float32, bool trainable = true)
    {
        ArgumentNullException.ThrowIfNull(config);
        using var generator = new Generator((ulong)seed, CPU);
        var onDevice = device.type == TorchSharp.DeviceType.CUDA;
        if (onDevice) DeviceRandom.Seed(device, seed);
        var parameters = new ParameterSet();
        foreach (var (name, shape) in config.Weights)
        {
            using var scope = NewDisposeScope();
            if (WeightNames.IsNorm(name)) parameters.Add(name, ones(shape, dtype: dtype, device: device));
            else if (onDevice) parameters.Add(name, empty(shape, dtype: dtype, device: device).normal_(0, config.InitializerRange));
            else parameters.Add(name, empty(shape).normal_(0, config.InitializerRange, generator).to(dtype, device));
        }
        return new(config, parameters.RequireGradients(trainable));
    }
}
