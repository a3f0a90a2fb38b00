using System.Globalization;
using System.Text.Json.Nodes;
using Zephyr.Configuration;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using Zephyr.Model.Quantization;
using Zephyr.Model.Weights;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>Which adapter a run trains: a new one on a plain model, or the one that it starts from, trained on.</summary>
internal static class StageAdapter
{
    /// <summary>The adapter's shape; null where all weights are trained.</summary>
    /// <param name="source">What the run starts from.</param>
    /// <param name="options">The keys.</param>
    /// <param name="config">Each key with its value and origin: what nobody stated is the adapter's.</param>
    /// <exception cref="UserErrorException">The two contradict each other.</exception>
    public static LoraConfig? Of(ModelSource source, LoraOptions options, JsonObject config)
    {
        if (source.Adapter is not { } found) return options.UsePeft ? LoraConfig.Of(options, source.Base) : null;
        if (!options.UsePeft)
            throw new UserErrorException($"model_name_or_path: {source.Folder} is an adapter on {source.Base}; expected use_peft: true, which trains the adapter on, or a plain model (zephyr merge makes one of the two)");
        RequireSame("lora_r", $"{options.LoraR}", $"{found.R}");
        RequireSame("lora_alpha", Text(options.LoraAlpha), Text(found.Alpha));
        RequireSame("use_rslora", options.UseRslora ? "true" : "false", found.UseRslora ? "true" : "false");
        RequireSame("lora_target_modules", Names(LoraConfig.Of(options, "").TargetModules), Names(found.TargetModules));
        return found with
        {
            BaseModelNameOrPath = source.Base,
            Dropout = IsStated("lora_dropout") ? options.LoraDropout : found.Dropout,
        };

        bool IsStated(string key) => (string?)config[key]?["origin"] is { } origin && origin != ResolvedKey.Default;

        void RequireSame(string key, string asked, string has)
        {
            if (IsStated(key) && asked != has)
                throw new UserErrorException($"{key}: found {asked}, expected {has}, which the adapter {source.Folder} was made with: it is trained on as it is; "
                    + "for a new adapter on what it learnt, merge it first (zephyr merge) and start from that");
        }
    }

    /// <summary>What learns, as a sentence.</summary>
    public static string Describe(LoraConfig adapter, ModelSource source, MistralConfig model)
    {
        var (learned, frozen) = (adapter.ParameterCountOf(model), model.ParameterCount);
        var share = string.Create(CultureInfo.InvariantCulture, $"{learned:N0} numbers learn beside {frozen:N0} that stay as they are ({100.0 * learned / frozen:0.##} %)");
        return (source.Adapter is null ? $"a new LoRA adapter on {source.Base}" : $"the LoRA adapter {source.Folder} on {source.Base}, trained on")
            + $": rank {adapter.R}, alpha {Text(adapter.Alpha)}{(adapter.UseRslora ? " (rsLoRA)" : "")}, dropout {Text(adapter.Dropout)}, {string.Join(", ", adapter.TargetModules)}; {share}";
    }

    /// <summary>What the adapter learns beside, as a sentence.</summary>
    public static string Describe(Nf4Settings held, string under) =>
        $"{under} is held with its {held.Words} (load_in_4bit), each made whole where it is used: the adapter learns beside those rounded weights; generate, eval, score "
        + "and serve hold them so too with the same keys, and zephyr merge adds it to the weights as they stand in the folder, as PEFT advises, so that a merged model differs from the one that was trained by that rounding";

    /// <summary>What a folder holds, for sentences: "base", or "base with the adapter folder".</summary>
    public static string Words(ModelSource source) => source.Adapter is null ? source.Base : $"{source.Base} with the adapter {source.Folder}";

    private static string Names(IEnumerable<string> modules) => string.Join(", ", modules.Select(name => name[(name.LastIndexOf('.') + 1)..]).Distinct()
        .OrderBy(name => ProjectionNames.All.ToList().IndexOf(name)));

    private static string Text(double number) => number.ToString("R", CultureInfo.InvariantCulture);
}
