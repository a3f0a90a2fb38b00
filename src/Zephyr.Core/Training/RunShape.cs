namespace Zephyr.Training;

/// <summary>What a checkpoint must agree on for its steps to mean the same: rows, batch sizes, steps, seed, and the values of the configuration.</summary>
internal static class RunShape
{
    /// <summary>Names of the entries that are read back by those who describe a checkpoint.</summary>
    public const string Objective = "objective", Rows = "training rows", BatchSize = "per_device_train_batch_size",
        Accumulation = "gradient_accumulation_steps", TotalSteps = "total steps";

    /// <param name="objective">Name of the objective's type.</param>
    /// <param name="plan">Which rows each step sees.</param>
    /// <param name="trainingTokens">Tokens of all training rows.</param>
    /// <param name="totalSteps">Optimizer steps of the whole run.</param>
    /// <param name="options">Seed, and the values that a resumed run must share.</param>
    public static SortedDictionary<string, string> Of(string objective, BatchPlan plan, long trainingTokens, int totalSteps, TrainerOptions options) =>
        new(options.Meaning.ToDictionary(), StringComparer.Ordinal)
        {
            [Objective] = objective,
            [Rows] = $"{plan.ExampleCount}",
            ["training tokens"] = $"{trainingTokens}",
            [BatchSize] = $"{plan.MicroBatchSize}",
            [Accumulation] = $"{plan.Accumulation}",
            // Other micro-batches add up in another order, which changes the last bits.
            ["max_tokens_per_batch"] = $"{plan.MaxTokens}",
            ["seed"] = $"{options.Seed}",
            [TotalSteps] = $"{totalSteps}",
        };
}
