using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>Who answers the prompts, and how (AIF, section 3 of the paper). The defaults are UltraFeedback's, but for the mix of principles, which there goes by where a prompt is from. All own keys.</summary>
public sealed record AnswerOptions : IOptionGroup
{
    /// <summary>The pool: names of <c>endpoints</c>, <c>local:DIR</c>, or <c>http://HOST/v1#MODEL</c>.</summary>
    [ConfigKey("models that answer: names in endpoints, local:DIR, http://127.0.0.1:8080/v1#MODEL, or a list of them")]
    public IReadOnlyList<string> Models { get; init; } = [];

    /// <summary>Answers to each prompt, of different models by seeded choice. Where the pool has fewer models, some answer more than once.</summary>
    [ConfigKey("answers to each prompt, of as many different models by seeded choice; where there are fewer models, some answer more than once")]
    public int CompletionsPerPrompt { get; init; } = 4;

    /// <summary>A folder of principles that take the place of the built-in ones: NAME.txt, a system prompt a line.</summary>
    [ConfigKey("folder of principles that take the place of the built-in ones: NAME.txt, a system prompt a line (zephyr rubrics writes those out)")]
    public string? Principles { get; init; }

    /// <summary>How often each principle is drawn, in proportion. Empty for no system prompt.</summary>
    [ConfigKey("how often each principle is drawn, in proportion: {NAME: WEIGHT}; {} for no system prompt")]
    public IReadOnlyDictionary<string, double> PrincipleMix { get; init; } = new OrderedDictionary<string, double>
    {
        ["helpfulness"] = 1,
        ["truthfulness"] = 1,
        ["honesty"] = 0.9,
        ["verbalized_calibration"] = 0.1,
    };

    /// <summary>Temperature of the answers.</summary>
    [ConfigKey("temperature of the answers; 0 is greedy")]
    public double Temperature { get; init; } = 1;

    /// <summary>The smallest set of likeliest tokens that reaches this probability.</summary>
    [ConfigKey("draw from the likeliest tokens that together reach this probability")]
    public double TopP { get; init; } = 1;

    /// <summary>The most tokens of an answer.</summary>
    [ConfigKey("most tokens of an answer")]
    public int MaxNewTokens { get; init; } = 1024;

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. Models.GroupBy(name => name).Where(same => same.Count() > 1).Select(same => new ConfigProblem("models", $"names {same.Key} twice: name each model once")),
        .. InRange("completions_per_prompt", CompletionsPerPrompt, 1, 100),
        .. PrincipleMix.SelectMany(entry => AtLeast("principle_mix", entry.Value, 0).Select(problem => problem with { Message = $"{entry.Key} {problem.Message}" })),
        .. PrincipleMix.Count > 0 && PrincipleMix.Values.Sum() == 0 ? [new ConfigProblem("principle_mix", "must have a weight above 0, or be {} for no system prompt")] : Array.Empty<ConfigProblem>(),
        .. InRange("temperature", Temperature, 0, 2),
        .. Positive("top_p", TopP),
        .. InRange("top_p", TopP, 0, 1),
        .. InRange("max_new_tokens", MaxNewTokens, 1, 1 << 20),
    ];
}
