using Zephyr.Configuration;
using Zephyr.Evaluation.Memory;
using Zephyr.Evaluation.Speed;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using Zephyr.Model.Quantization;
using Zephyr.Objectives;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>What a run will take of memory and operations: arithmetic on its keys, the model's shape and the lengths of its rows.</summary>
/// <param name="setup">What of the keys decides over it.</param>
/// <param name="data">The rows.</param>
/// <param name="options">The training loop's keys.</param>
/// <param name="limit">What a row counts for.</param>
/// <param name="shapeOf">How rows become a micro-batch, for each way to lay out pairs.</param>
internal sealed class RunForecast<TExample>(MemorySetup setup, TrainingData<TExample> data, TrainerOptions options, TokenLimit<TExample> limit,
    Func<IReadOnlyList<TExample>, PairLayoutKind, MicroBatchShape> shapeOf)
{
    /// <summary>What of the keys decides over memory.</summary>
    public MemorySetup Setup => setup;

    /// <summary>The run's memory beside that of its device.</summary>
    /// <param name="room">The device's.</param>
    /// <param name="stepsDone">Steps that are not ahead any more.</param>
    public MemoryForecast Memory(DeviceRoom room, int stepsDone)
    {
        var batches = BatchPlan.Of(data, options, limit.TokensOf);
        var total = batches.TotalSteps(options.Training.NumTrainEpochs, options.Training.MaxSteps);
        // One epoch after the other differs by the order of its rows only; the first few show how large a micro-batch gets.
        var rows = batches.Largest(Math.Min(stepsDone, total - 1) + 1, (int)Math.Min(total, stepsDone + 4L * batches.StepsPerEpoch));
        var evaluation = limit.BatchesInOrder(data.Held, options.Training.PerDeviceEvalBatchSize).MaxBy(batch => batch.Sum(row => (long)limit.TokensOf(row))) ?? [];
        return MemoryForecast.Of(setup, MemoryBatches.Of([.. rows.Select(row => data.Train[row])], Longest(data.Train)[0], evaluation, Longest(data.Held), shapeOf), room);

        // A list may be a file: one row after the other.
        List<TExample> Longest(IReadOnlyList<TExample> side) => side.Count == 0 ? [] : [side[Enumerable.Range(0, side.Count).MaxBy(row => limit.TokensOf(side[row]))]];
    }

    /// <summary>The operations of the steps ahead.</summary>
    public RunCost Cost(StepPlan steps) => RunCost.Of(setup, Forward(data.Train), Forward(data.Held), steps.Epochs * (steps.Total - steps.Start) / steps.Total, steps.Evaluations);

    private ForwardCost Forward(IReadOnlyList<TExample> rows) => ForwardCost.Of(setup.Model, rows.Select(row => shapeOf([row], setup.Layout)));
}

/// <summary>The models of a run, by their shapes.</summary>
/// <param name="Policy">What learns, or what the adapter stands on.</param>
/// <param name="Reference">A second one that is in memory while training; null for none.</param>
/// <param name="Adapter">What learns in place of all weights; null where those do.</param>
/// <param name="StartsFromAdapter">The run trains on an adapter that was trained before.</param>
/// <param name="Quantization">How linear maps are held in 4 bits; null where they are not.</param>
internal sealed record ForecastModels(MistralConfig Policy, MistralConfig? Reference, LoraConfig? Adapter, bool StartsFromAdapter, Nf4Settings? Quantization)
{
    /// <summary>What both stages' keys decide over memory.</summary>
    public MemorySetup Setup(TrainingOptions training, OptimizerOptions optimizer, bool onCuda) => MemorySetup.Of(Policy, Adapter, Quantization, training, optimizer, onCuda);
}
