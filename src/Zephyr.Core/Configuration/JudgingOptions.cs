using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>What a judge is asked about answers (AIF, section 3 of the paper), and how. All own keys.</summary>
public sealed record JudgingOptions : IOptionGroup
{
    /// <summary>Values of <see cref="Judgments"/>.</summary>
    public const string ByAspects = "aspects", Overall = "overall", ByPairs = "pairwise";

    /// <summary>What is asked: every aspect of all answers at once, a score of each answer as a whole, every two answers in both orders.</summary>
    [ConfigKey("what the judge is asked: aspects (1 to 5, all answers of a prompt in one call an aspect), overall (1 to 10, one call an answer), pairwise (every two answers in both orders), or a list of them")]
    public IReadOnlyList<string> Judgments { get; init; } = [ByAspects];

    /// <summary>With aspects: their names; each is a rubric, aspect_NAME.txt.</summary>
    [ConfigKey("with judgments: aspects, their names; each is a rubric, aspect_NAME.txt")]
    public IReadOnlyList<string> Aspects { get; init; } = ["instruction_following", "truthfulness", "honesty", "helpfulness"];

    /// <summary>A folder of rubrics that take the place of the built-in ones.</summary>
    [ConfigKey("folder of rubrics that take the place of the built-in ones of their name (zephyr rubrics writes those out)")]
    public string? Rubrics { get; init; }

    /// <summary>How often a judge is asked again where its answer cannot be read, before that is recorded as a failure.</summary>
    [ConfigKey("how often a judge whose answer cannot be read is asked again before that is recorded as a failure, 0 to 10")]
    public int MaxReasks { get; init; } = 2;

    /// <summary>Temperature of the judge's answers; 0 is greedy.</summary>
    [ConfigKey("temperature of the judge's answers; 0 is greedy")]
    public double JudgeTemperature { get; init; }

    /// <summary>The most tokens of a judge's answer.</summary>
    [ConfigKey("most tokens of a judge's answer")]
    public int JudgeMaxNewTokens { get; init; } = 2048;

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. Judgments.SelectMany(judgment => OneOf("judgments", judgment, ByAspects, Overall, ByPairs)),
        .. Judgments.Count == 0 ? [new ConfigProblem("judgments", "must name aspects, overall, pairwise or several of them (was empty)")] : Array.Empty<ConfigProblem>(),
        .. Aspects.SelectMany(aspect => Matches("aspects", aspect, "^[a-z0-9_]+$", "names of lower-case letters, digits and _")),
        .. NamedTwice("aspects", Aspects),
        .. Judgments.Contains(ByAspects) && Aspects.Count == 0 ? [new ConfigProblem("aspects", "must name at least one aspect (was empty)")] : Array.Empty<ConfigProblem>(),
        .. InRange("max_reasks", MaxReasks, 0, 10),
        .. InRange("judge_temperature", JudgeTemperature, 0, 2),
        .. InRange("judge_max_new_tokens", JudgeMaxNewTokens, 1, 1 << 20),
    ];

    private static IEnumerable<ConfigProblem> NamedTwice(string key, IReadOnlyList<string> names) => names.GroupBy(name => name).Where(same => same.Count() > 1)
        .Select(same => new ConfigProblem(key, $"must name each aspect once (was {same.Key} twice)"));
}
