namespace Zephyr.Configuration;

/// <summary>What only two groups together can tell.</summary>
internal static class StageChecks
{
    /// <summary>A bf16 weight alone never moves at alignment's learning rates: the master copy that bf16 brings is not optional.</summary>
    public static IEnumerable<ConfigProblem> Precision(ModelOptions model, TrainingOptions training)
    {
        if (model.TorchDtype == "bfloat16" && !training.Bf16)
            yield return new("torch_dtype", "bfloat16 weights are trained with bf16: true, which keeps an fp32 master copy (bf16 was false)");
    }

    /// <summary>A request to evaluate with nothing to evaluate on is a forgotten key, not a wish.</summary>
    public static IEnumerable<ConfigProblem> EvaluationRows(DataOptions data, CadenceOptions cadence)
    {
        if (cadence.EvalStrategy is "steps" or "epoch" && !data.HoldsRowsOut)
            yield return new("eval_strategy", $"needs rows to evaluate on: give eval_dataset or eval_fraction (was {cadence.EvalStrategy})");
    }

    /// <summary>Optimal transport sorts the pairs of a micro-batch: of one pair there is nothing to sort.</summary>
    public static IEnumerable<ConfigProblem> SortedPairs(DpoOptions dpo, TrainingOptions training)
    {
        if (training.PerDeviceTrainBatchSize == 1 && SortedLoss(dpo) is { } aot)
            yield return new("loss_type", $"{aot} compares the sorted pairs of a micro-batch: give per_device_train_batch_size above 1 (was 1)");
    }

    /// <summary>Optimal transport's loss is that of the micro-batch, so its rows cannot go where there is room.</summary>
    public static IEnumerable<ConfigProblem> FixedPairs(DpoOptions dpo, TrainingOptions training)
    {
        if (training.MaxTokensPerBatch > 0 && SortedLoss(dpo) is { } aot)
            yield return new("max_tokens_per_batch", $"would change which pairs loss_type {aot} compares, those of a micro-batch: give 0 (was {training.MaxTokensPerBatch})");
    }

    private static string? SortedLoss(DpoOptions dpo) => dpo.LossType.FirstOrDefault(loss => loss is "aot" or "aot_unpaired");
}
