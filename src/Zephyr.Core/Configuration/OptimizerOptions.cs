using static Zephyr.Configuration.Check;

namespace Zephyr.Configuration;

/// <summary>The optimizer and its schedule, by TRL's names.</summary>
public sealed record OptimizerOptions : IOptionGroup
{
    /// <summary>AdamW under one of its names in transformers, or rmsprop (torch's, without momentum).</summary>
    [ConfigKey("adamw_torch (or adamw_torch_fused, adamw_hf, paged_adamw, paged_adamw_32bit: the same here), rmsprop")]
    public string Optim { get; init; } = "adamw_torch";

    /// <summary>The peak learning rate.</summary>
    [ConfigKey("peak learning rate")]
    public double LearningRate { get; init; }

    /// <summary>transformers' name of the schedule: any that is a function of the step alone.</summary>
    [ConfigKey("cosine, linear, constant, constant_with_warmup, cosine_with_restarts, cosine_with_min_lr, cosine_warmup_with_min_lr, "
        + "polynomial, inverse_sqrt, warmup_stable_decay")]
    public string LrSchedulerType { get; init; } = "linear";

    /// <summary>What the schedule takes besides, by transformers' names: min_lr, min_lr_rate, num_cycles, power, lr_end, timescale and others.</summary>
    [ConfigKey("what the schedule takes besides: {min_lr_rate: 0.1}, {num_cycles: 0.5}, {power: 2, lr_end: 1e-7}, {timescale: 1000}, {num_decay_steps: 200}")]
    public IReadOnlyDictionary<string, double> LrSchedulerKwargs { get; init; } = new Dictionary<string, double>();

    /// <summary>Share of the steps over which the rate rises linearly from 0; <see cref="WarmupSteps"/> wins where above 0.</summary>
    [ConfigKey("share of the steps over which the rate rises from 0, 0 to 1")]
    public double WarmupRatio { get; init; }

    /// <summary>Steps over which the rate rises linearly from 0; 0 to go by <see cref="WarmupRatio"/>.</summary>
    [ConfigKey("steps over which the rate rises from 0; 0 to go by warmup_ratio")]
    public int WarmupSteps { get; init; }

    /// <summary>Weight decay (not on norm weights, as transformers does): AdamW's decoupled, rmsprop's part of the gradient.</summary>
    [ConfigKey("weight decay, not applied to norm weights; decoupled, but for rmsprop")]
    public double WeightDecay { get; init; }

    /// <summary>Decay of the first moment.</summary>
    [ConfigKey("AdamW: decay of the first moment")]
    public double AdamBeta1 { get; init; } = 0.9;

    /// <summary>Decay of the second moment.</summary>
    [ConfigKey("AdamW: decay of the second moment")]
    public double AdamBeta2 { get; init; } = 0.999;

    /// <summary>Added to the denominator.</summary>
    [ConfigKey("AdamW: added to the denominator of the update")]
    public double AdamEpsilon { get; init; } = 1e-8;

    /// <summary>Gradients are scaled down to this global L2 norm; 0 for no clipping.</summary>
    [ConfigKey("global L2 norm to which gradients are clipped; 0 for none")]
    public double MaxGradNorm { get; init; } = 1;

    /// <summary>
    /// device (beside the weights) or host: averages and fp32 master weights live in host memory, gradients go there, the CPU updates and the weights come back. The same bits where
    /// the device is the CPU; elsewhere the CPU's rounding in place of the device's.
    /// </summary>
    [ConfigKey("where moments and fp32 master weights live: device, or host (gradients go there, the CPU makes the update, the weights come back)")]
    public string OptimStateDevice { get; init; } = "device";

    /// <summary>float32 or bfloat16: data type of the running averages between two steps. bfloat16 is rounded to at random, a pure function of the seed and the step, so that the averages stay right on average.</summary>
    [ConfigKey("data type of the moments: float32, or bfloat16 (half the memory; rounded up or down at random by the seed, so that small changes add up)")]
    public string OptimStateDtype { get; init; } = "float32";

    /// <summary>What to tell whoever runs it, where the optimizer's name promises something else than what runs.</summary>
    public string? Note => OptimizerNames.NoteOn(Optim, OptimStateDevice == "host");

    /// <summary>What to tell of where the state lives and how exactly.</summary>
    /// <param name="onCpu">The weights are in host memory themselves.</param>
    public IEnumerable<string> StateNotes(bool onCpu)
    {
        if (OptimStateDevice == "host")
            yield return onCpu ? "optim_state_device: host changes nothing on the CPU, where weights and optimizer state are in the same memory"
                : "optimizer state on the host: a step moves 4 bytes of gradient there for every number that learns and the new weight back, and the CPU makes the update";
        if (OptimStateDtype == "bfloat16")
            yield return "moments in bfloat16, rounded up or down at random by the seed: to the nearest, the second moment would stay where it is, as a step changes it by "
                + "less than half a unit of its last place";
    }

    /// <inheritdoc/>
    public IEnumerable<ConfigProblem> Validate() =>
    [
        .. OptimizerNames.Check(Optim),
        .. Positive("learning_rate", LearningRate),
        .. SchedulerNames.Check(LrSchedulerType, LrSchedulerKwargs, LearningRate),
        .. InRange("warmup_ratio", WarmupRatio, 0, 1),
        .. AtLeast("warmup_steps", WarmupSteps, 0),
        .. AtLeast("weight_decay", WeightDecay, 0),
        .. InRange("adam_beta1", AdamBeta1, 0, 0.999999),
        .. InRange("adam_beta2", AdamBeta2, 0, 0.999999999),
        .. Positive("adam_epsilon", AdamEpsilon),
        .. AtLeast("max_grad_norm", MaxGradNorm, 0),
        .. OneOf("optim_state_device", OptimStateDevice, "device", "host"),
        .. OneOf("optim_state_dtype", OptimStateDtype, "float32", "bfloat16"),
    ];
}
