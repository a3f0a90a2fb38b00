using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Model.Adapters;

/// <summary>The factors of a LoRA adapter, fp32 whatever the model is, and what they add to its projections. Owns them.</summary>
public sealed class LoraAdapter : IDisposable
{
    /// <summary>Keeps the factors' random stream apart from the others of the same seed.</summary>
    private const long InitialStream = 2;

    private readonly Dictionary<string, LowRankMap> _maps = [];

    /// <param name="config">Its shape.</param>
    /// <param name="model">The model's shape.</param>
    /// <param name="parameters">Every factor that <see cref="LoraConfig.WeightsOf"/> lists, under PEFT's names; taken over.</param>
    /// <param name="dropout">Whether <see cref="LoraConfig.Dropout"/> is applied in training.</param>
    public LoraAdapter(LoraConfig config, MistralConfig model, ParameterSet parameters, bool dropout = true)
    {
        ArgumentNullException.ThrowIfNull(config);
        ArgumentNullException.ThrowIfNull(parameters);
        (Config, Parameters) = (config, parameters);
        foreach (var (module, site) in config.ModulesOf(model))
        {
            var (a, b) = (parameters.Of(LoraConfig.FactorName(module, "A")), parameters.Of(LoraConfig.FactorName(module, "B")));
            _maps.Add(module, new(a, b, config.ScaleOf(module), site) { Dropout = dropout ? config.Dropout : 0 });
        }
    }

    /// <summary>Its shape.</summary>
    public LoraConfig Config { get; }

    /// <summary>The factors.</summary>
    public ParameterSet Parameters { get; }

    /// <summary>Whether they take gradients.</summary>
    public bool Learns => _maps.Values.Any(map => map.Learns);

    /// <summary>
    /// A new one, as PEFT begins: A uniform within 1 / sqrt(inputs) (Kaiming's with a = sqrt 5), B zero, so that the model says what it said without. The same seed gives the
    /// same factors.
    /// </summary>
    /// <param name="config">Its shape.</param>
    /// <param name="model">The model's shape.</param>
    /// <param name="seed">The run's seed. The numbers are drawn on the CPU.</param>
    /// <param name="device">Where the factors go.</param>
    /// <param name="dropout">Whether dropout is applied in training.</param>
    public static LoraAdapter Fresh(LoraConfig config, MistralConfig model, long seed, Device device, bool dropout = true)
    {
        ArgumentNullException.ThrowIfNull(config);
        var parameters = new ParameterSet();
        foreach (var ((name, shape), i) in config.WeightsOf(model).Select((weight, i) => (weight, i)))
        {
            using var scope = NewDisposeScope();
            using var generator = new Generator(new SeededRandom(seed, InitialStream, i).NextUInt64(), CPU);
            var bound = 1 / Math.Sqrt(shape[1]);
            var factor = i % 2 == 0 ? empty(shape).uniform_(-bound, bound, generator) : zeros(shape);
            parameters.Add(name, factor.to(ScalarType.Float32, device));
        }
        return new(config, model, parameters.RequireGradients(true), dropout);
    }

    /// <summary>What it adds to a module; null where it leaves it alone.</summary>
    internal LowRankMap? MapOf(string module) => _maps.GetValueOrDefault(module);

    /// <inheritdoc/>
    public void Dispose() => Parameters.Dispose();
}
