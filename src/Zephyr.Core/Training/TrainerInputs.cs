using Zephyr.Configuration;
using static TorchSharp.torch;

namespace Zephyr.Training;

/// <summary>The rows of a run.</summary>
/// <param name="Train">Tokenized training rows; at least one.</param>
/// <param name="Held">Held-out rows; may be empty.</param>
/// <param name="Shuffle">Whether each epoch has its own seeded order; otherwise the rows' own.</param>
public sealed record TrainingData<TExample>(IReadOnlyList<TExample> Train, IReadOnlyList<TExample> Held, bool Shuffle = true)
{
    /// <summary>Says for messages where a training row came from, given its index.</summary>
    public Func<int, string> PlaceOf { get; init; } = index => $"training row {index + 1}";
}

/// <summary>The groups of keys that concern the training loop.</summary>
/// <param name="Training">How long, in which portions.</param>
/// <param name="Optimizer">AdamW and its schedule.</param>
/// <param name="Cadence">Logging, evaluation, saving.</param>
/// <param name="Seed">Seed of the data's order.</param>
public sealed record TrainerOptions(TrainingOptions Training, OptimizerOptions Optimizer, CadenceOptions Cadence, long Seed)
{
    /// <summary>What a step does that goes wrong, and what is told.</summary>
    public WatchdogOptions Watchdogs { get; init; } = new();

    /// <summary>Which checkpoint is the best, and whether the run stops early.</summary>
    public BestModelOptions Best { get; init; } = new();

    /// <summary>Values that a resumed run must share with its checkpoint, by key.</summary>
    public IReadOnlyDictionary<string, string> Meaning { get; init; } = new Dictionary<string, string>();
}

/// <summary>Where a run writes, and how a model folder is written there.</summary>
/// <param name="Folder">The output folder.</param>
/// <param name="WriteModel">Writes a model folder, given the weights at full precision.</param>
public sealed record TrainerOutput(RunFolder Folder, Action<string, IEnumerable<KeyValuePair<string, Tensor>>> WriteModel);
