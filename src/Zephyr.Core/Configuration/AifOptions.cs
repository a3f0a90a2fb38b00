using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>How scored answers become preference pairs (AIF, section 3 of the paper).</summary>
public sealed record AifOptions : IOptionGroup
{
    /// <summary>overall_score, fine-grained_score, mean_rating, or the name of a numeric field of a completion; null for what the judge was asked, and overall_score for feedback.</summary>
    [ConfigKey("overall_score, fine-grained_score, mean_rating, win_rate, or a numeric field of the completion; null for mean_rating, overall_score or win_rate as judgments has aspects, overall or pairwise, and overall_score with feedback")]
    public string? Score { get; init; }

    /// <summary>random_lower, random_other (the paper's wording) or lowest.</summary>
    [ConfigKey("which answer is rejected: random_lower, random_other, lowest")]
    public string Rejected { get; init; } = "random_lower";

    /// <summary>What happens to a prompt whose best score is shared: drop it, or keep it with a seeded choice among the best.</summary>
    [ConfigKey("a prompt whose best score is shared, or whose pair would tie: drop, keep")]
    public string Ties { get; init; } = "drop";

    /// <summary>Pairs whose scores differ by less are dropped.</summary>
    [ConfigKey("pairs whose scores differ by less are dropped")]
    public double MinMargin { get; init; }

    /// <summary>With mean_rating: leave out a rating that is "N/A" (drop_rating) or the whole completion (drop_completion).</summary>
    [ConfigKey("with mean_rating, an \"N/A\" rating drops itself (drop_rating) or its completion (drop_completion)")]
    public string OnMissingRating { get; init; } = "drop_rating";

    /// <summary>Share of the pairs written to the test split, by seeded choice of prompts.</summary>
    [ConfigKey("share of the pairs for the test split, 0 to 0.5")]
    public double TestFraction { get; init; } = 0.05;

    /// <summary>parquet, jsonl or both.</summary>
    [ConfigKey("what to write: parquet, jsonl, or a list of both")]
    public IReadOnlyList<string> Formats { get; init; } = ["parquet", "jsonl"];

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. OneOf("rejected", Rejected, "random_lower", "random_other", "lowest"),
        .. OneOf("ties", Ties, "drop", "keep"),
        .. AtLeast("min_margin", MinMargin, 0),
        .. OneOf("on_missing_rating", OnMissingRating, "drop_rating", "drop_completion"),
        .. InRange("test_fraction", TestFraction, 0, 0.5),
        .. Formats.SelectMany(format => OneOf("formats", format, "parquet", "jsonl")),
        .. Formats.Count == 0 ? [new ConfigProblem("formats", "must name parquet, jsonl or both (was empty)")] : Array.Empty<ConfigProblem>(),
    ];
}
