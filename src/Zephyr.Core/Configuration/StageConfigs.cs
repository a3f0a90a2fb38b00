using static Zephyr.Configuration.StageChecks;

namespace Zephyr.Configuration;

/// <summary>Everything <c>zephyr sft</c> can be told. Defaults are TRL's where TRL has the key.</summary>
public sealed record SftConfig : IOptionGroup
{
    /// <summary>The starting model.</summary>
    public ModelOptions Model { get; init; } = new();

    /// <summary>Adapters in place of all weights.</summary>
    public LoraOptions Lora { get; init; } = new();

    /// <summary>The rows.</summary>
    public DataOptions Data { get; init; } = new();

    /// <summary>Conversations to sequences.</summary>
    public SftOptions Sft { get; init; } = new();

    /// <summary>How long, in which portions.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>AdamW and schedule.</summary>
    public OptimizerOptions Optimizer { get; init; } = new() { LearningRate = 2e-5 };

    /// <summary>Logging, evaluation, saving.</summary>
    public CadenceOptions Cadence { get; init; } = new();

    /// <summary>Which checkpoint is the best, and whether the run stops early.</summary>
    public BestModelOptions Best { get; init; } = new();

    /// <summary>What a run checks of itself.</summary>
    public WatchdogOptions Watchdogs { get; init; } = new();

    /// <summary>Output and seed.</summary>
    public RunOptions Run { get; init; } = new();

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() => [.. Precision(Model, Training), .. Quantization(Model, Lora), .. Adapter(Lora), .. EvaluationRows(Data, Cadence), .. BestModel(Best, Cadence, Metrics(dpo: null))];
}

/// <summary>Everything <c>zephyr aif</c> can be told.</summary>
public sealed record AifConfig : IOptionGroup
{
    /// <summary>Where it begins: prompts, answers or scores.</summary>
    public FeedbackSourceOptions Source { get; init; } = new();

    /// <summary>Who answers prompts, and how.</summary>
    public AnswerOptions Answers { get; init; } = new();

    /// <summary>What a judge is asked about answers.</summary>
    public JudgingOptions Judging { get; init; } = new();

    /// <summary>Which models there are, and what asking them may cost.</summary>
    public BudgetOptions Budget { get; init; } = new();

    /// <summary>Scored answers to pairs.</summary>
    public AifOptions Aif { get; init; } = new();

    /// <summary>What is looked for among the prompts.</summary>
    public AuditOptions Audit { get; init; } = new();

    /// <summary>Output and seed.</summary>
    public RunOptions Run { get; init; } = new();

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() => FeedbackRun(this);
}

/// <summary>Everything <c>zephyr clean</c> can be told.</summary>
public sealed record CleanConfig
{
    /// <summary>Rows and rules.</summary>
    public CleanOptions Clean { get; init; } = new();

    /// <summary>Output and seed.</summary>
    public RunOptions Run { get; init; } = new();
}

/// <summary>Everything <c>zephyr dpo</c> can be told. Defaults are TRL's where TRL has the key.</summary>
public sealed record DpoConfig : IOptionGroup
{
    /// <summary>The starting policy.</summary>
    public ModelOptions Model { get; init; } = new();

    /// <summary>Adapters in place of all weights.</summary>
    public LoraOptions Lora { get; init; } = new();

    /// <summary>The rows.</summary>
    public DataOptions Data { get; init; } = new();

    /// <summary>The objective, pairs to ids.</summary>
    public DpoOptions Dpo { get; init; } = new();

    /// <summary>How long, in which portions.</summary>
    public TrainingOptions Training { get; init; } = new();

    /// <summary>AdamW and schedule.</summary>
    public OptimizerOptions Optimizer { get; init; } = new() { LearningRate = 1e-6 };

    /// <summary>Logging, evaluation, saving.</summary>
    public CadenceOptions Cadence { get; init; } = new();

    /// <summary>Which checkpoint is the best, and whether the run stops early.</summary>
    public BestModelOptions Best { get; init; } = new();

    /// <summary>What a run checks of itself.</summary>
    public WatchdogOptions Watchdogs { get; init; } = new();

    /// <summary>Output and seed.</summary>
    public RunOptions Run { get; init; } = new();

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. Precision(Model, Training), .. Quantization(Model, Lora), .. Adapter(Lora), .. EvaluationRows(Data, Cadence), .. AdapterReference(Dpo, Lora), .. SortedPairs(Dpo, Training), .. FixedPairs(Dpo, Training),
        .. BestModel(Best, Cadence, Metrics(Dpo)),
    ];
}
