using System.Text;
using System.Text.Json.Nodes;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>README.md of a trained model: where it came from and with which values.</summary>
internal static class ModelCard
{
    public static string Of(string stage, string baseModel, JsonObject config)
    {
        var method = stage == "sft" ? "distilled supervised fine-tuning" : "distilled direct preference optimisation";
        var card = new StringBuilder();
        card.Append($"---\nbase_model: {baseModel}\ntags:\n- zephyr\n- {stage}\n---\n\n# Model card\n\n");
        card.Append($"Trained from `{baseModel}` by {method} (the Zephyr recipe, arXiv 2310.16944).\n");
        card.Append("Turns are written `<|role|>`, newline, text, `</s>`, newline; the tokenizer's chat template says the same.\n\n");
        card.Append("| key | value |\n|---|---|\n");
        foreach (var (key, entry) in config) card.Append($"| {key} | {entry!["value"]?.ToJsonString().Replace("|", "\\|")} |\n");
        return Secrets.Mask(card.ToString());
    }
}
