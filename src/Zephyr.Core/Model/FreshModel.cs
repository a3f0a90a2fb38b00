using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>A model with random weights, as transformers initialises one: normal(0, initializer_range), norms 1.</summary>
public static class FreshModel
{
    /// <summary>The same seed gives the same weights.</summary>
    /// <param name="config">The shape.</param>
    /// <param name="seed">Of the random numbers, which are drawn in fp32 on the CPU.</param>
    /// <param name="device">Where the weights go.</param>
    /// <param name="dtype">What they are rounded to.</param>
    /// <param name="trainable">Whether they take gradients.</param>
    public static MistralForCausalLM Create(
        MistralConfig config, long seed, Device device, ScalarType dtype = ScalarType.Float32, bool trainable = true)
    {
        ArgumentNullException.ThrowIfNull(config);
        using var generator = new Generator((ulong)seed, CPU);
        var parameters = new ParameterSet();
        foreach (var (name, shape) in config.Weights)
        {
            using var scope = NewDisposeScope();
            var weight = WeightNames.IsNorm(name) ? ones(shape) : empty(shape).normal_(0, config.InitializerRange, generator);
            parameters.Add(name, weight.to(dtype, device));
        }
        return new(config, parameters.RequireGradients(trainable));
    }
}
