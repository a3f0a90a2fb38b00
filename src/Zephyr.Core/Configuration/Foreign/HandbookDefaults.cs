namespace Zephyr.Configuration.Foreign;

/// <summary>
/// What the alignment-handbook's scripts did without their recipes saying so. <c>dataset_mixer</c> is those recipes' own key: where it is
/// given, these are the defaults. Without them the same file would train something else: single conversations instead of full blocks.
/// </summary>
internal static class HandbookDefaults
{
    /// <summary>Where such a value comes from, for people.</summary>
    public const string Origin = "the alignment-handbook's scripts, whose recipes have dataset_mixer";

    /// <summary>The keys and their values; none where the recipe is no handbook's.</summary>
    public static IEnumerable<(string Key, object Value)> Of(string? stage, GivenKeys given)
    {
        if (!given.Has("dataset_mixer")) yield break;
        if (stage is "sft") yield return ("packing", true);
        if (stage is "sft" or "dpo") yield return ("auto_insert_empty_system_msg", true);
    }
}
