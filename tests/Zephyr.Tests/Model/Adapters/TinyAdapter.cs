using Zephyr.Configuration;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model.Adapters;

/// <summary>Adapters made in code, with factors that are no longer those of the beginning.</summary>
internal static class TinyAdapter
{
    public static LoraConfig Config(int r = 3, double alpha = 6, double dropout = 0, bool rslora = false, params string[] modules) => new()
    {
        BaseModelNameOrPath = "base",
        R = r,
        Alpha = alpha,
        Dropout = dropout,
        UseRslora = rslora,
        TargetModules = modules.Length == 0 ? ProjectionNames.All : modules,
    };

    /// <summary>With B as large as A, so that the adapter says something.</summary>
    public static LoraAdapter Create(LoraConfig config, MistralConfig model, long seed = 5)
    {
        var adapter = LoraAdapter.Fresh(config, model, seed, CPU);
        using var noGradient = no_grad();
        using var generator = new Generator((ulong)seed + 1, CPU);
        foreach (var weight in adapter.Parameters.Weights.Where(weight => weight.Name.Contains("lora_B", StringComparison.Ordinal)))
            weight.Value.normal_(0, 0.3, generator);
        return adapter;
    }

    public static MistralForCausalLM With(this MistralForCausalLM model, LoraConfig config, long seed = 5)
    {
        model.Attach(Create(config, model.Config, seed));
        return model;
    }
}
