namespace Zephyr.Configuration.Foreign;

/// <summary>
/// Every key of TRL's SFTConfig, DPOConfig, ModelConfig and ScriptArguments, of transformers' TrainingArguments and of the
/// alignment-handbook's arguments that is none of ours. A recipe written for them loads as it is: what changes nothing is ignored with a
/// word, what cannot be honoured is refused, and nothing is dropped in silence.
/// </summary>
internal static class ForeignKeys
{
    private static readonly Lazy<Dictionary<string, ForeignKey>> Sft = new(() => Index([.. ObjectiveKeys.Sft, .. DataKeys.Sft]));
    private static readonly Lazy<Dictionary<string, ForeignKey>> Dpo = new(() => Index([.. ObjectiveKeys.Dpo, .. DataKeys.Dpo]));

    /// <summary>The keys that a stage accepts besides its own, by name; none for aif, which has no counterpart there.</summary>
    /// <param name="stage">sft, aif or dpo; null for what is no stage.</param>
    public static IReadOnlyDictionary<string, ForeignKey> Of(string? stage) => stage switch
    {
        "sft" => Sft.Value,
        "dpo" => Dpo.Value,
        _ => new Dictionary<string, ForeignKey>(),
    };

    private static Dictionary<string, ForeignKey> Index(IEnumerable<ForeignKey> own) =>
        TransformersKeys.All.Concat(ModelKeys.All).Concat(ObjectiveKeys.Both).Concat(DataKeys.Both).Concat(own).ToDictionary(key => key.Name);
}
