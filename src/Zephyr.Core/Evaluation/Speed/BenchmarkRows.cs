using Zephyr.Data.Text;
using Zephyr.Evaluation.Memory;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Evaluation.Speed;

/// <summary>The rows of a benchmark as its steps take them, and the memory that those take by count.</summary>
/// <param name="settings">Steps and batch sizes.</param>
/// <param name="rows">In the order of the file.</param>
/// <param name="setup">What of the settings decides over memory.</param>
/// <param name="tokensOf">Tokens of a row that are in memory together.</param>
/// <param name="shapeOf">How rows become a micro-batch, for each way to lay out pairs.</param>
internal sealed class BenchmarkRows<T>(BenchmarkSettings settings, IReadOnlyList<T> rows, MemorySetup setup, Func<T, int> tokensOf, Func<IReadOnlyList<T>, PairLayoutKind, MicroBatchShape> shapeOf)
{
    /// <summary>All of them.</summary>
    public IReadOnlyList<T> All => rows;

    /// <summary>The rows of the steps from <paramref name="firstStep"/> on, in the order of the file as the trainer takes them.</summary>
    public IEnumerable<T> From(int firstStep)
    {
        var plan = new BatchPlan(rows.Count, settings.Training.PerDeviceTrainBatchSize, settings.Training.GradientAccumulationSteps, null);
        return Enumerable.Range(firstStep, settings.Warm + settings.Steps - firstStep + 1).SelectMany(step => plan.MicroBatches(step)).SelectMany(indices => indices).Select(index => rows[index]);
    }

    /// <summary>What the plan says of the steps.</summary>
    public MemoryPlan Plan => MicroBatches.Select(batch => MemoryPlan.Of(setup, shapeOf(batch, setup.Layout), null)).MaxBy(plan => plan.Total)!;

    /// <summary>A row that alone is over the limit is refused here as in a run.</summary>
    /// <exception cref="UserErrorException">There is one.</exception>
    public void RequireRoom() => new TokenLimit<T>(settings.Training.MaxTokensPerBatch, tokensOf).RequireRoom(
        rows, (row, index) => row is TokenizedPair pair ? $"{pair.Location}" : $"block {index + 1}", "leave the row out");

    /// <summary>Runs the steps; where memory runs out they end in a sentence with what would take less.</summary>
    /// <exception cref="RunFailedException">Memory ran out.</exception>
    public BenchmarkResult Guard(Func<BenchmarkResult> steps)
    {
        try
        {
            return steps();
        }
        catch (Exception error) when (TorchErrors.IsOutOfMemory(error))
        {
            var largest = MicroBatches.MaxBy(batch => batch.Sum(row => (long)tokensOf(row)))!;
            var forecast = MemoryForecast.Of(setup, MemoryBatches.Of(largest, rows.MaxBy(tokensOf)!, [], [], shapeOf), DeviceRoom.Of(settings.Model.Device));
            throw new RunFailedException($"out of memory on {settings.Model.Device}: {TorchErrors.Reason(error)}; {forecast.Less}", error);
        }
    }

    private IEnumerable<List<T>> MicroBatches
    {
        get
        {
            var plan = new BatchPlan(rows.Count, settings.Training.PerDeviceTrainBatchSize, settings.Training.GradientAccumulationSteps, null)
            {
                MaxTokens = settings.Training.MaxTokensPerBatch,
                TokensOf = row => tokensOf(rows[row]),
            };
            return Enumerable.Range(1, settings.Warm + settings.Steps).SelectMany(plan.MicroBatches).Select(indices => indices.Select(index => rows[index]).ToList());
        }
    }
}
