using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>How conversations become training sequences (dSFT).</summary>
public sealed record SftOptions : IOptionGroup
{
    /// <summary>The longest sequence in tokens; with packing, the length of every block.</summary>
    [ConfigKey("longest sequence in tokens; with packing, the length of every block", Alias = "max_length")]
    public int MaxSeqLength { get; init; } = 1024;

    /// <summary>Put several conversations into one sequence.</summary>
    [ConfigKey("put several conversations into one sequence")]
    public bool Packing { get; init; }

    /// <summary>
    /// wrapped: concatenate and cut into blocks, as the Zephyr recipe did. bfd: whole documents placed best-fit decreasing, each attending
    /// to itself only, longer ones cut. bfd_split: the same, with what is over the length going on as a document of its own.
    /// </summary>
    [ConfigKey("how to pack: wrapped (concatenate and cut, as the recipe did), bfd (whole documents, kept apart), bfd_split")]
    public string PackingStrategy { get; init; } = "wrapped";

    /// <summary>Loss on assistant turns only (content and its end-of-turn token) instead of on all tokens.</summary>
    [ConfigKey("loss on the assistant turns only (content and </s>, not the role tag)")]
    public bool AssistantOnlyLoss { get; init; }

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. AtLeast("max_seq_length", MaxSeqLength, 2),
        .. OneOf("packing_strategy", PackingStrategy, "wrapped", "bfd", "bfd_split"),
    ];
}
