using System.Text.RegularExpressions;
using Zephyr.Configuration;

namespace Zephyr.Model.Adapters;

/// <summary>The shape of a LoRA adapter: what PEFT's adapter_config.json says, under its names. Read by <see cref="AdapterConfigFile"/>.</summary>
public sealed record LoraConfig
{
    /// <summary>The plain model that it was trained on; null where the file does not say.</summary>
    public string? BaseModelNameOrPath { get; init; }

    /// <summary>The rank of the factors.</summary>
    public required int R { get; init; }

    /// <summary>The product is scaled by this over the rank.</summary>
    public required double Alpha { get; init; }

    /// <summary>Probability that an element of the input is dropped in training.</summary>
    public double Dropout { get; init; }

    /// <summary>Scale by alpha / sqrt(r).</summary>
    public bool UseRslora { get; init; }

    /// <summary>Names, or ends of names, of the adapted modules.</summary>
    public required IReadOnlyList<string> TargetModules { get; init; }

    /// <summary>Ranks of single modules, by a pattern of their names.</summary>
    public IReadOnlyDictionary<string, int> RankPattern { get; init; } = new Dictionary<string, int>();

    /// <summary>Alphas of single modules, likewise.</summary>
    public IReadOnlyDictionary<string, double> AlphaPattern { get; init; } = new Dictionary<string, double>();

    /// <summary>The only layers that are adapted; null for all.</summary>
    public IReadOnlyList<int>? LayersToTransform { get; init; }

    /// <summary>The adapter that a run is asked to begin.</summary>
    /// <param name="options">The keys.</param>
    /// <param name="baseModel">What it is trained on.</param>
    public static LoraConfig Of(LoraOptions options, string baseModel)
    {
        ArgumentNullException.ThrowIfNull(options);
        return new()
        {
            BaseModelNameOrPath = baseModel,
            R = options.LoraR,
            Alpha = options.LoraAlpha,
            Dropout = options.LoraDropout,
            UseRslora = options.UseRslora,
            TargetModules = options.LoraTargetModules is [ProjectionNames.AllLinear] ? ProjectionNames.All : options.LoraTargetModules,
        };
    }

    /// <summary>The adapted modules of a model in its order, each with its number in the model.</summary>
    public IEnumerable<(string Module, int Site)> ModulesOf(MistralConfig model)
    {
        ArgumentNullException.ThrowIfNull(model);
        for (var layer = 0; layer < model.NumHiddenLayers; layer++)
        {
            if (LayersToTransform is { } layers && !layers.Contains(layer)) continue;
            for (var i = 0; i < ProjectionNames.All.Count; i++)
            {
                var module = WeightNames.Module(layer, ProjectionNames.All[i]);
                if (TargetModules.Any(target => module == target || module.EndsWith($".{target}", StringComparison.Ordinal)))
                    yield return (module, layer * ProjectionNames.All.Count + i);
            }
        }
    }

    /// <summary>The rank of a module.</summary>
    public int RankOf(string module) => Matching(RankPattern, module, R);

    /// <summary>s of y += s B A x.</summary>
    public double ScaleOf(string module)
    {
        var (alpha, rank) = (Matching(AlphaPattern, module, Alpha), RankOf(module));
        return UseRslora ? alpha / Math.Sqrt(rank) : alpha / rank;
    }

    /// <summary>Name and shape of every factor, in the order of the model, under PEFT's names.</summary>
    public IEnumerable<(string Name, long[] Shape)> WeightsOf(MistralConfig model)
    {
        ArgumentNullException.ThrowIfNull(model);
        var shapes = model.Weights.ToDictionary(weight => weight.Name, weight => weight.Shape);
        foreach (var (module, _) in ModulesOf(model))
        {
            var (shape, rank) = (shapes[$"{module}.weight"], RankOf(module));
            yield return (FactorName(module, "A"), [rank, shape[1]]);
            yield return (FactorName(module, "B"), [shape[0], rank]);
        }
    }

    /// <summary>How many numbers it holds for a model.</summary>
    public long ParameterCountOf(MistralConfig model) => WeightsOf(model).Sum(weight => weight.Shape[0] * weight.Shape[1]);

    /// <summary>PEFT's name of a factor in adapter_model.safetensors.</summary>
    /// <param name="module">"model.layers.0.self_attn.q_proj".</param>
    /// <param name="factor">A or B.</param>
    internal static string FactorName(string module, string factor) => $"base_model.model.{module}.lora_{factor}.weight";

    /// <summary>As PEFT looks a pattern up: the first one that the name ends in, as a whole part of it. In linear time, whoever wrote the pattern.</summary>
    private static T Matching<T>(IReadOnlyDictionary<string, T> patterns, string module, T otherwise)
    {
        foreach (var (pattern, value) in patterns)
            if (Regex.IsMatch(module, $@"^(.*\.)?({pattern})\z", RegexOptions.CultureInvariant | RegexOptions.NonBacktracking)) return value;
        return otherwise;
    }
}
