using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>Which checkpoint is the best, and whether a run stops early, by transformers' names (TrainingArguments and EarlyStoppingCallback).</summary>
public sealed record BestModelOptions : IOptionGroup
{
    /// <summary>The evaluation's metric that says which model is better, with or without eval_; null for none, or for the loss where <see cref="LoadBestModelAtEnd"/>.</summary>
    [ConfigKey("the metric of an evaluation by which models are compared, as loss or rewards/accuracies; the best checkpoint is never removed; null for none, or loss with load_best_model_at_end")]
    public string? MetricForBestModel { get; init; }

    /// <summary>Whether more of it is better; null: unless its name ends in loss.</summary>
    [ConfigKey("whether more of metric_for_best_model is better; null: unless its name ends in loss")]
    public bool? GreaterIsBetter { get; init; }

    /// <summary>The model that is written at the end is that of the best checkpoint, not that of the last step.</summary>
    [ConfigKey("write the model of the best checkpoint at the end, not that of the last step")]
    public bool LoadBestModelAtEnd { get; init; }

    /// <summary>The run stops when so many evaluations in a row have not improved the metric; 0 for never.</summary>
    [ConfigKey("stop after so many evaluations in a row that do not improve metric_for_best_model; 0 for never")]
    public int EarlyStoppingPatience { get; init; }

    /// <summary>By how much an evaluation must be better than the best one before it to count as an improvement.</summary>
    [ConfigKey("with early_stopping_patience: by how much an evaluation must be better to count")]
    public double EarlyStoppingThreshold { get; init; }

    /// <summary>Whether models are compared at all.</summary>
    public bool Compares => MetricForBestModel is not null || LoadBestModelAtEnd;

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate()
    {
        foreach (var problem in AtLeast("early_stopping_patience", EarlyStoppingPatience, 0)) yield return problem;
        foreach (var problem in AtLeast("early_stopping_threshold", EarlyStoppingThreshold, 0)) yield return problem;
        if (EarlyStoppingThreshold > 0 && EarlyStoppingPatience == 0)
            yield return new("early_stopping_threshold", $"has no meaning without early_stopping_patience: set it to 0 (was {EarlyStoppingThreshold})");
        if (GreaterIsBetter is { } greater && !Compares)
            yield return new("greater_is_better", $"has no meaning without metric_for_best_model: set it to null (was {(greater ? "true" : "false")})");
    }
}
