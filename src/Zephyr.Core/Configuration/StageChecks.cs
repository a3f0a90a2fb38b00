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
        var held = data.EvalDataset.Count > 0 || data.EvalFraction > 0 || data.DatasetSplits.Any(split => split.Contains("test", StringComparison.Ordinal));
        if (cadence.EvalStrategy is "steps" or "epoch" && !held)
            yield return new("eval_strategy", $"needs rows to evaluate on: give eval_dataset or eval_fraction (was {cadence.EvalStrategy})");
    }
}
