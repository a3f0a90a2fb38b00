using System.Text;
using System.Text.Json.Nodes;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>README.md of a trained model: where it came from and with which values.</summary>
internal static class ModelCard
{
    /// <param name="stage">sft or dpo.</param>
    /// <param name="start">model_name_or_path.</param>
    /// <param name="under">The plain model that an adapter needs; null where the model stands by itself.</param>
    /// <param name="config">Each key with its value and origin.</param>
    public static string Of(string stage, string start, string? under, JsonObject config)
    {
        var method = stage == "sft" ? "distilled supervised fine-tuning" : "distilled direct preference optimisation";
        var card = new StringBuilder();
        card.Append($"---\nbase_model: {under ?? start}\n{(under is null ? "" : "library_name: peft\n")}tags:\n- zephyr\n- {stage}\n---\n\n# Model card\n\n");
        if (under is not null) card.Append($"A LoRA adapter on `{under}`, in PEFT's format. ");
        card.Append($"Trained from `{start}` by {method} (the Zephyr recipe, arXiv 2310.16944).\n");
        card.Append("Turns are written `<|role|>`, newline, text, `</s>`, newline; the tokenizer's chat template says the same.\n\n");
        card.Append("| key | value |\n|---|---|\n");
        foreach (var (key, entry) in config) card.Append($"| {key} | {entry!["value"]?.ToJsonString().Replace("|", "\\|")} |\n");
        return Secrets.Mask(card.ToString());
    }
}
