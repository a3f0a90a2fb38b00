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

    /// <summary>Numbers of 4 bits cannot learn: there is nothing between two codes.</summary>
    public static IEnumerable<ConfigProblem> Quantization(ModelOptions model, LoraOptions lora)
    {
        if (model.LoadIn4Bit && !lora.UsePeft)
            yield return new("load_in_4bit", "weights of 4 bits cannot learn, an adapter beside them can: give use_peft: true (was false), or write load_in_4bit: false");
        foreach (var problem in NestedQuantization(model.LoadIn4Bit, model.UseBnbNestedQuant)) yield return problem;
    }

    /// <summary>Only blocks of 4 bits have factors to quantize.</summary>
    public static IEnumerable<ConfigProblem> NestedQuantization(bool in4Bit, bool nested)
    {
        if (nested && !in4Bit) yield return new("use_bnb_nested_quant", "has no meaning without load_in_4bit: set it to false (was true)");
    }

    /// <summary>The shape of an adapter that is not trained says nothing. Recipes state every key: the default is no wish.</summary>
    public static IEnumerable<ConfigProblem> Adapter(LoraOptions lora)
    {
        if (lora.UsePeft) yield break;
        var none = new LoraOptions();
        foreach (var (key, differs, usual, found) in new[]
        {
            ("lora_r", lora.LoraR != none.LoraR, (object)none.LoraR, (object)lora.LoraR),
            ("lora_alpha", lora.LoraAlpha != none.LoraAlpha, none.LoraAlpha, lora.LoraAlpha),
            ("lora_dropout", lora.LoraDropout != none.LoraDropout, none.LoraDropout, lora.LoraDropout),
            ("lora_target_modules", !lora.LoraTargetModules.SequenceEqual(none.LoraTargetModules), none.LoraTargetModules, lora.LoraTargetModules),
            ("use_rslora", lora.UseRslora, false, true),
        })
            if (differs && !lora.Validate().Any(problem => problem.Key == key)) yield return new(key, $"has no meaning without use_peft: give use_peft: true, or set it to {YamlText.Of(usual)} (was {YamlText.Of(found)})");
    }

    /// <summary>A request to evaluate with nothing to evaluate on is a forgotten key, not a wish.</summary>
    public static IEnumerable<ConfigProblem> EvaluationRows(DataOptions data, CadenceOptions cadence)
    {
        if (cadence.EvalStrategy is "steps" or "epoch" && !data.HoldsRowsOut)
            yield return new("eval_strategy", $"needs rows to evaluate on: give eval_dataset or eval_fraction (was {cadence.EvalStrategy})");
    }

    /// <summary>The model with its adapter off is a reference only where there is an adapter, and it is no folder's.</summary>
    public static IEnumerable<ConfigProblem> AdapterReference(DpoOptions dpo, LoraOptions lora)
    {
        if (dpo.Reference != "adapter") yield break;
        if (!lora.UsePeft) yield return new("reference", "adapter is the policy with its adapter off: give use_peft: true (was false), or write frozen");
        if (dpo.RefModelNameOrPath is { } folder)
            yield return new("ref_model_name_or_path", $"has no meaning for reference: adapter, which is the model that the run starts from: remove it, or write reference: frozen (was {folder})");
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

    /// <summary>Prompts need models, and what becomes a score must have been asked for.</summary>
    public static IEnumerable<ConfigProblem> FeedbackRun(AifConfig config)
    {
        if (config.Source.Prompts.Count > 0 && config.Answers.Models.Count == 0) yield return new("models", "is required with prompts: the models that answer them");
        if (config.Source.Prompts.Count == 0 && config.Answers.Models.Count > 0) yield return new("models", "has no meaning without prompts to answer");
        if (config.Source.Judge is null || !config.Source.AsksModels) yield break;
        foreach (var (score, judgment) in new[]
        {
            ("mean_rating", JudgingOptions.ByAspects), ("fine-grained_score", JudgingOptions.ByAspects), ("overall_score", JudgingOptions.Overall), ("win_rate", JudgingOptions.ByPairs),
        })
            if (config.Aif.Score == score && !config.Judging.Judgments.Contains(judgment))
                yield return new("score", $"{score} needs judgments to have {judgment} (was {string.Join(", ", config.Judging.Judgments)})");
    }

    /// <summary>What transformers refuses too, and a metric that is never measured.</summary>
    public static IEnumerable<ConfigProblem> BestModel(BestModelOptions best, CadenceOptions cadence, string[] metrics)
    {
        if (best.LoadBestModelAtEnd && (cadence.EvalStrategy == "no" || cadence.SaveStrategy == "no"))
            yield return new("load_best_model_at_end", $"needs evaluations and checkpoints to choose from: give eval_strategy and save_strategy, both steps or both epoch "
                + $"(they were {cadence.EvalStrategy} and {cadence.SaveStrategy})");
        else if (best.LoadBestModelAtEnd && cadence.EvalStrategy != cadence.SaveStrategy)
            yield return new("load_best_model_at_end", $"needs eval_strategy and save_strategy to be the same (they were {cadence.EvalStrategy} and {cadence.SaveStrategy})");
        else if (best.LoadBestModelAtEnd && cadence.EvalStrategy == "steps" && cadence.EvalSteps > 0 && cadence.SaveSteps % cadence.EvalSteps != 0)
            yield return new("load_best_model_at_end", $"needs save_steps to be a multiple of eval_steps (they were {cadence.SaveSteps} and {cadence.EvalSteps})");
        if (best.EarlyStoppingPatience > 0 && !best.Compares)
            yield return new("early_stopping_patience", "needs a metric to watch: give metric_for_best_model, or load_best_model_at_end: true, which watches the loss");
        if (best.EarlyStoppingPatience > 0 && cadence.EvalStrategy == "no")
            yield return new("early_stopping_patience", "counts evaluations: give eval_strategy steps or epoch (was no)");
        if (best.MetricForBestModel is { } metric && !metrics.Contains(metric.StartsWith("eval_", StringComparison.Ordinal) ? metric["eval_".Length..] : metric))
            yield return new("metric_for_best_model", $"must be {Check.Join(metrics)} (was {metric})");
    }

    /// <summary>What an evaluation of a stage measures.</summary>
    /// <param name="dpo">null for sft.</param>
    public static string[] Metrics(DpoOptions? dpo) => dpo is null ? ["loss"] :
    [
        "loss", "rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins", "logps/chosen", "logps/rejected", "logits/chosen", "logits/rejected",
        // An sft loss of weight 0 is none.
        .. dpo.RpoAlpha > 0 || dpo.LossType.Where((loss, i) => loss == "sft" && (i >= dpo.LossWeights.Count || dpo.LossWeights[i] > 0)).Any() ? ["nll_loss"] : Array.Empty<string>(),
    ];

    private static string? SortedLoss(DpoOptions dpo) => dpo.LossType.FirstOrDefault(loss => loss is "aot" or "aot_unpaired");
}
