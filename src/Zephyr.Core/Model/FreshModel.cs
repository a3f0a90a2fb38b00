using static TorchSharp.torch;

namespace Zephyr.Model;

/// <summary>A model with random weights, as transformers initialises one: normal(0, initializer_range), norms 1.</summary>
public static class FreshModel
{
    /// <summary>The same seed gives the same weights.</summary>
    public static MistralForCausalLM Create(MistralConfig config, long seed, Device device)
    {
        using var generator = new Generator((ulong)seed, CPU);
        var parameters = new ParameterSet();
        foreach (var (name, shape) in config.Weights)
        {
            using var scope = NewDisposeScope();
            var weight = WeightNames.IsNorm(name) ? ones(shape) : empty(shape).normal_(0, config.InitializerRange, generator);
            parameters.Add(name, weight.to(device));
        }
        return new(config, parameters.RequireGradients(true));
    }
}
