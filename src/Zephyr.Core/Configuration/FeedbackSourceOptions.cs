using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>Where aif begins: at prompts, which models answer; at answers, which a judge scores; or at scores. It ends in pairs, or, without a judge, in answers. All own keys.</summary>
public sealed record FeedbackSourceOptions : IOptionGroup
{
    /// <summary>Prompts that <c>models</c> answer.</summary>
    [ConfigKey("prompts that models answer: rows of any kind (their first user turn), or a .txt file with a prompt a line; a file, folder or glob, or a list of them")]
    public IReadOnlyList<string> Prompts { get; init; } = [];

    /// <summary>The most different prompts that are used, from the first on; 0 for all.</summary>
    [ConfigKey("most different prompts to use, from the first on; 0 for all")]
    public int MaxPrompts { get; init; }

    /// <summary>Answers that nobody has scored yet: rows with <c>instruction</c> and <c>completions</c>.</summary>
    [ConfigKey("answers that the judge scores, as instruction + completions [{model, response}]; a file, folder or glob, or a list of them")]
    public IReadOnlyList<string> Completions { get; init; } = [];

    /// <summary>Scored completions.</summary>
    [ConfigKey("scored completions: a file, folder or glob, or a list of them (.parquet, .jsonl, .jsonl.gz, .jsonl.zst)")]
    public IReadOnlyList<string> Feedback { get; init; } = [];

    /// <summary>fail: the first row that cannot be used ends the run before anybody is asked; skip: such rows are left out, counted by reason and the first ones named.</summary>
    [ConfigKey("what a row that cannot be used does: fail (ends the run) or skip (left out and counted)")]
    public string OnBadRow { get; init; } = "fail";

    /// <summary>The model that scores the answers.</summary>
    [ConfigKey("model that scores the answers; null to stop at the answers")]
    public string? Judge { get; init; }

    /// <summary>Whether models are asked at all.</summary>
    public bool AsksModels => Feedback.Count == 0;

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. Beginning(),
        .. NamedOnce("prompts", Prompts),
        .. NamedOnce("completions", Completions),
        .. NamedOnce("feedback", Feedback),
        .. AtLeast("max_prompts", MaxPrompts, 0),
        .. OneOf("on_bad_row", OnBadRow, "fail", "skip"),
    ];

    private IEnumerable<ConfigProblem> Beginning()
    {
        string[] given = [.. new[] { ("prompts", Prompts), ("completions", Completions), ("feedback", Feedback) }.Where(key => key.Item2.Count > 0).Select(key => key.Item1)];
        if (given.Length == 0) yield return new("feedback", "is required, for scored answers; or completions, for answers that a judge scores; or prompts, for models to answer");
        foreach (var extra in given.Skip(1)) yield return new(extra, $"is another beginning than {given[0]}, which is given too: give one of them");
        if (given is ["completions"] && Judge is null) yield return new("judge", "is required with completions: the model that scores them");
        if (given is ["feedback"] && Judge is not null) yield return new("judge", "has no meaning with feedback, which is scored already");
    }
}
