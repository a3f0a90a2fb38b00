namespace Zephyr.Configuration.Foreign;

/// <summary>A value that nobody wrote and that follows from another key.</summary>
/// <param name="Key">The key.</param>
/// <param name="Value">Its value.</param>
/// <param name="Origin">Where it comes from, for people.</param>
internal sealed record AssumedValue(string Key, object Value, string Origin);

/// <summary>
/// What the alignment-handbook's scripts and TRL did without their recipes saying so. <c>dataset_mixer</c> is the handbook's own key: where it is
/// given, these are the defaults. Without them the same file would train something else: single conversations instead of full blocks. An adapter's reference
/// is in TRL the model with the adapter off, and no second model.
/// </summary>
internal static class HandbookDefaults
{
    private const string Handbook = "the alignment-handbook's scripts, whose recipes have dataset_mixer", Trl = "TRL where an adapter is trained (use_peft: true)";

    /// <summary>The keys and their values; none where the recipe gives no reason.</summary>
    public static IEnumerable<AssumedValue> Of(string? stage, GivenKeys given)
    {
        if (stage is "dpo" && given.Says("use_peft", "true") && !given.Has("ref_model_name_or_path")) yield return new("reference", "adapter", Trl);
        if (!given.Has("dataset_mixer")) yield break;
        if (stage is "sft") yield return new("packing", true, Handbook);
        if (stage is "sft" or "dpo") yield return new("auto_insert_empty_system_msg", true, Handbook);
    }
}
