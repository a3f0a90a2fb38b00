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

    /// <summary>
    /// The most tokens of a micro-batch: the rows of a step stay the same and are divided by tokens instead of number, so that memory is bounded whatever
    /// their lengths. A pair counts with its prompt twice, with pair_layout shared_prefix once. 0 divides by number.
    /// </summary>
    [ConfigKey("most tokens of a micro-batch: a step keeps its rows and divides them evenly by tokens, not by number; 0 to divide by number")]
    public int MaxTokensPerBatch { get; init; }

    /// <summary>Recompute each layer in the backward pass instead of keeping its activations.</summary>
    [ConfigKey("recompute each layer in the backward pass instead of keeping its activations")]
    public bool GradientCheckpointing { get; init; }

    /// <summary>With <see cref="GradientCheckpointing"/>: every k-th layer is recomputed, the others keep their activations. 1 for all.</summary>
    [ConfigKey("with gradient_checkpointing: recompute every k-th layer only; 1 for all, more is faster and takes more memory")]
    public int GradientCheckpointingEvery { get; init; } = 1;

    /// <summary>bf16 weights and activations with an fp32 master copy and fp32 moments in the optimizer.</summary>
    [ConfigKey("train bf16 weights with an fp32 master copy and fp32 moments")]
    public bool Bf16 { get; init; }

    /// <summary>Products of float32 numbers may round them to TF32 (10 bits of mantissa) on GPUs from compute capability 8.0 on.</summary>
    [ConfigKey("float32 products on CUDA may round what they multiply to TF32; changes nothing on the CPU, and little with bf16: true")]
    public bool Tf32 { get; init; }

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
        foreach (var problem in AtLeast("gradient_checkpointing_every", GradientCheckpointingEvery, 1)) yield return problem;
        if (GradientCheckpointingEvery > 1 && !GradientCheckpointing)
            yield return new("gradient_checkpointing_every", $"has no meaning without gradient_checkpointing: set it to 1 (was {GradientCheckpointingEvery})");
        foreach (var problem in AtLeast("max_tokens_per_batch", MaxTokensPerBatch, 0)) yield return problem;
    }
}
