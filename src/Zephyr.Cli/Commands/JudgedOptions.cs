using Zephyr.Configuration;
using Zephyr.Pipeline;
using static Zephyr.Configuration.Check;

namespace Zephyr.Cli.Commands;

/// <summary>What eval winrate and eval mtbench are both told.</summary>
internal abstract record JudgedOptions : IOptionGroup
{
    [ConfigKey("who judges: a model of endpoints, local:DIR, or http://HOST/v1#MODEL")]
    public string? Judge { get; init; }

    [ConfigKey("folder for the journal of calls and the results; the same command again goes on from the journal")]
    public string? OutputDir { get; init; }

    [ConfigKey("folder of rubrics that take the place of the built-in ones of their name")]
    public string? Rubrics { get; init; }

    [ConfigKey("how often a judge whose answer cannot be read is asked again before that is recorded as a failure, 0 to 10")]
    public int MaxReasks { get; init; } = 2;

    [ConfigKey("temperature of the judge's answers; 0 is greedy")]
    public double JudgeTemperature { get; init; }

    [ConfigKey("most tokens of a judge's answer")]
    public int JudgeMaxNewTokens { get; init; } = 2048;

    [ConfigKey("temperature of answers that are generated; null for 0 (winrate), or for MT-Bench's by category (mtbench)")]
    public double? Temperature { get; init; }

    [ConfigKey("most tokens of an answer that is generated")]
    public int MaxNewTokens { get; init; } = 1024;

    [ConfigKey("samples of the bootstrap for the 95 % intervals")]
    public int BootstrapSamples { get; init; } = 2000;

    [ConfigKey("seed of answers, of the judge and of the bootstrap")]
    public long Seed { get; init; } = 42;

    [ConfigKey("read everything and count the calls and what they cost; ask and write nothing", Spelling = "dry-run")]
    public bool DryRun { get; init; }

    [ConfigKey("no progress on stderr; errors only")]
    public bool Quiet { get; init; }

    [ConfigKey("one JSON document instead of a table")]
    public bool Json { get; init; }

    public BudgetOptions Budget { get; init; } = new();

    public virtual IEnumerable<ConfigProblem> Validate() =>
    [
        .. InRange("max_reasks", MaxReasks, 0, 10), .. InRange("judge_temperature", JudgeTemperature, 0, 2), .. AtLeast("judge_max_new_tokens", JudgeMaxNewTokens, 1),
        .. Temperature is { } temperature ? InRange("temperature", temperature, 0, 2) : [], .. AtLeast("max_new_tokens", MaxNewTokens, 1), .. AtLeast("bootstrap_samples", BootstrapSamples, 10),
    ];

    /// <summary>What is needed where a judge is asked.</summary>
    protected IEnumerable<ConfigProblem> RequireJudge()
    {
        if (Judge is null) yield return new("judge", "is required: the model that judges");
        if (OutputDir is null) yield return new("output_dir", "is required: the folder for the journal of calls and the results");
    }

    /// <summary>One of a model and files.</summary>
    protected static IEnumerable<ConfigProblem> OneSide(string model, string? name, string answers, IReadOnlyList<string> files)
    {
        if (name is null == (files.Count == 0)) yield return new(model, $"give one of {model}, which answers, and {answers}, files with its answers");
    }

    /// <summary>For the library.</summary>
    protected JudgedSettings Settings() => new(OutputDir!, Judge!, Budget, Rubrics, Seed)
    {
        MaxReasks = MaxReasks,
        JudgeTemperature = JudgeTemperature,
        JudgeMaxNewTokens = JudgeMaxNewTokens,
        Temperature = Temperature,
        MaxNewTokens = MaxNewTokens,
        BootstrapSamples = BootstrapSamples,
    };
}
