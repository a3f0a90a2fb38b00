using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>How long to train and in which portions.</summary>
public sealed record TrainingOptions : IOptionGroup
{
    /// <summary>Passes over the training rows; may be fractional. <see cref="MaxSteps"/> wins where given.</summary>
    [ConfigKey("passes over the training rows, may be fractional")]
    public double NumTrainEpochs { get; init; } = 3;

    /// <summary>Optimizer steps; -1 to go by <see cref="NumTrainEpochs"/>.</summary>
    [ConfigKey("optimizer steps; -1 to go by num_train_epochs")]
    public int MaxSteps { get; init; } = -1;

    /// <summary>Sequences (SFT) or pairs (DPO) in a micro-batch.</summary>
    [ConfigKey("sequences (sft) or pairs (dpo) in a micro-batch")]
    public int PerDeviceTrainBatchSize { get; init; } = 8;

    /// <summary>Sequences or pairs in an evaluation batch.</summary>
    [ConfigKey("sequences or pairs in an evaluation batch")]
    public int PerDeviceEvalBatchSize { get; init; } = 8;

    /// <summary>Micro-batches in one optimizer step.</summary>
    [ConfigKey("micro-batches in one optimizer step")]
    public int GradientAccumulationSteps { get; init; } = 1;

    /// <summary>Recompute each layer in the backward pass instead of keeping its activations.</summary>
    [ConfigKey("recompute each layer in the backward pass instead of keeping its activations")]
    public bool GradientCheckpointing { get; init; }

    /// <summary>bf16 weights and activations with an fp32 master copy and fp32 moments in the optimizer.</summary>
    [ConfigKey("train bf16 weights with an fp32 master copy and fp32 moments")]
    public bool Bf16 { get; init; }

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate()
    {
        if (MaxSteps == -1)
            foreach (var problem in Positive("num_train_epochs", NumTrainEpochs)) yield return problem;
        else
            foreach (var problem in AtLeast("max_steps", MaxSteps, 1)) yield return problem;
        foreach (var problem in AtLeast("per_device_train_batch_size", PerDeviceTrainBatchSize, 1)) yield return problem;
        foreach (var problem in AtLeast("per_device_eval_batch_size", PerDeviceEvalBatchSize, 1)) yield return problem;
        foreach (var problem in AtLeast("gradient_accumulation_steps", GradientAccumulationSteps, 1)) yield return problem;
    }
}

/// <summary>AdamW and its schedule, by TRL's names.</summary>
public sealed record OptimizerOptions : IOptionGroup
{
    /// <summary>adamw_torch: AdamW with decoupled weight decay.</summary>
    [ConfigKey("adamw_torch")]
    public string Optim { get; init; } = "adamw_torch";

    /// <summary>The peak learning rate.</summary>
    [ConfigKey("peak learning rate")]
    public double LearningRate { get; init; }

    /// <summary>cosine, linear, constant or constant_with_warmup.</summary>
    [ConfigKey("cosine, linear, constant, constant_with_warmup")]
    public string LrSchedulerType { get; init; } = "linear";

    /// <summary>Share of the steps over which the rate rises linearly from 0; <see cref="WarmupSteps"/> wins where above 0.</summary>
    [ConfigKey("share of the steps over which the rate rises from 0, 0 to 1")]
    public double WarmupRatio { get; init; }

    /// <summary>Steps over which the rate rises linearly from 0; 0 to go by <see cref="WarmupRatio"/>.</summary>
    [ConfigKey("steps over which the rate rises from 0; 0 to go by warmup_ratio")]
    public int WarmupSteps { get; init; }

    /// <summary>Decoupled weight decay (not on norm weights, as transformers does).</summary>
    [ConfigKey("decoupled weight decay, not applied to norm weights")]
    public double WeightDecay { get; init; }

    /// <summary>Decay of the first moment.</summary>
    [ConfigKey("decay of the first moment")]
    public double AdamBeta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment.</summary>
    [ConfigKey("decay of the second moment")]
    public double AdamBeta2 { get; init; } = 0.999;

    /// <summary>Added to the denominator.</summary>
    [ConfigKey("added to the denominator of the update")]
    public double AdamEpsilon { get; init; } = 1e-8;

    /// <summary>Gradients are scaled down to this global L2 norm; 0 for no clipping.</summary>
    [ConfigKey("global L2 norm to which gradients are clipped; 0 for none")]
    public double MaxGradNorm { get; init; } = 1;

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. OneOf("optim", Optim, "adamw_torch"),
        .. Positive("learning_rate", LearningRate),
        .. OneOf("lr_scheduler_type", LrSchedulerType, "cosine", "linear", "constant", "constant_with_warmup"),
        .. InRange("warmup_ratio", WarmupRatio, 0, 1),
        .. AtLeast("warmup_steps", WarmupSteps, 0),
        .. AtLeast("weight_decay", WeightDecay, 0),
        .. InRange("adam_beta1", AdamBeta1, 0, 0.999999),
        .. InRange("adam_beta2", AdamBeta2, 0, 0.999999999),
        .. Positive("adam_epsilon", AdamEpsilon),
        .. AtLeast("max_grad_norm", MaxGradNorm, 0),
    ];
}

/// <summary>How often to log, evaluate and save.</summary>
public sealed record CadenceOptions : IOptionGroup
{
    /// <summary>Steps between two lines of metrics.</summary>
    [ConfigKey("steps between two lines of metrics")]
    public int LoggingSteps { get; init; } = 10;

    /// <summary>no (only before the first and after the last step), steps or epoch.</summary>
    [ConfigKey("when to evaluate on held-out rows: no (before and after the run only), steps, epoch", Alias = "evaluation_strategy")]
    public string EvalStrategy { get; init; } = "no";

    /// <summary>Steps between two evaluations (eval_strategy: steps).</summary>
    [ConfigKey("steps between two evaluations")]
    public int EvalSteps { get; init; } = 500;

    /// <summary>Evaluate once before the first step, so that there is something to compare with.</summary>
    [ConfigKey("evaluate before the first step too")]
    public bool EvalOnStart { get; init; } = true;

    /// <summary>no, steps or epoch. The trained model itself is always written at the end.</summary>
    [ConfigKey("when to write checkpoints: no, steps, epoch")]
    public string SaveStrategy { get; init; } = "steps";

    /// <summary>Steps between two checkpoints (save_strategy: steps).</summary>
    [ConfigKey("steps between two checkpoints")]
    public int SaveSteps { get; init; } = 500;

    /// <summary>How many checkpoints to keep; 0 for all.</summary>
    [ConfigKey("how many checkpoints to keep; 0 for all")]
    public int SaveTotalLimit { get; init; }

    /// <summary>Largest weight file, as "5GB" or "500MB" (powers of 1000, as transformers counts).</summary>
    [ConfigKey("largest weight file, as 5GB or 500MB")]
    public string MaxShardSize { get; init; } = "5GB";

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. AtLeast("logging_steps", LoggingSteps, 1),
        .. OneOf("eval_strategy", EvalStrategy, "no", "steps", "epoch"),
        .. AtLeast("eval_steps", EvalSteps, 1),
        .. OneOf("save_strategy", SaveStrategy, "no", "steps", "epoch"),
        .. AtLeast("save_steps", SaveSteps, 1),
        .. AtLeast("save_total_limit", SaveTotalLimit, 0),
        .. Matches("max_shard_size", MaxShardSize, "^[1-9][0-9]*(KB|MB|GB)$", "a number with KB, MB or GB, such as 5GB"),
    ];
}
