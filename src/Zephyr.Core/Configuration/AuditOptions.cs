using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>What is looked for among the prompts of preference pairs besides their scores. All own keys.</summary>
public sealed record AuditOptions : IOptionGroup
{
    /// <summary>From which share of common word 5-grams two prompts are near-duplicates; 0 for not looking.</summary>
    [ConfigKey("prompts whose sets of word 5-grams have at least this Jaccard similarity are counted as near-duplicates, 0.5 to 1; 0 for not looking")]
    public double NearDuplicates { get; init; } = 0.7;

    /// <summary>What becomes of prompts that are nearly the same as an earlier one: they are only counted and named (report), or give no pair and are asked nobody (drop).</summary>
    [ConfigKey("what becomes of prompts that say the same, or nearly the same, as an earlier row's: report, drop (the first of each group stays)")]
    public string OnNearDuplicates { get; init; } = "report";

    /// <summary>Evaluation sets that prompts should not occur in: files, folders or globs.</summary>
    [ConfigKey("evaluation sets in which prompts are looked for: a file, folder or glob, or a list of them")]
    public IReadOnlyList<string> Decontaminate { get; init; } = [];

    /// <summary>Columns of the evaluation sets that hold their texts; the usual names when empty.</summary>
    [ConfigKey("columns of the evaluation sets that hold their texts; the usual ones (turns, instruction, prompt, question, ...) when not given")]
    public IReadOnlyList<string> DecontaminateFields { get; init; } = [];

    /// <summary>Words in a row that make a passage.</summary>
    [ConfigKey("how many words in a row that a prompt shares with an evaluation set make it an occurrence")]
    public int DecontaminateNgram { get; init; } = 13;

    /// <summary>What becomes of prompts that occur in an evaluation set: they give no pair (drop), or are only counted and named (report).</summary>
    [ConfigKey("what becomes of prompts that occur in an evaluation set: drop, report")]
    public string OnContaminated { get; init; } = "drop";

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. NearDuplicates == 0 ? [] : InRange("near_duplicates", NearDuplicates, 0.5, 1).Select(problem => problem with { Message = $"must be 0, or from 0.5 to 1 (was {NearDuplicates})" }),
        .. OneOf("on_near_duplicates", OnNearDuplicates, "report", "drop"),
        .. OnNearDuplicates == "drop" && NearDuplicates == 0 ? [new ConfigProblem("on_near_duplicates", "drop needs near_duplicates above 0, the similarity to look for (was 0)")] : Array.Empty<ConfigProblem>(),
        .. NamedOnce("decontaminate", Decontaminate),
        .. Decontaminate.Count == 0 && DecontaminateFields.Count > 0 ? [new ConfigProblem("decontaminate_fields", "belongs to decontaminate, which is not given")] : Array.Empty<ConfigProblem>(),
        .. AtLeast("decontaminate_ngram", DecontaminateNgram, 3),
        .. OneOf("on_contaminated", OnContaminated, "drop", "report"),
    ];
}
