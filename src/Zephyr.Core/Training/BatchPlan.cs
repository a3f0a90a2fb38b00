using Zephyr.Runtime;

namespace Zephyr.Training;

/// <summary>
/// Which rows each optimizer step sees: a pure function of (seed, epoch), so that the position in the data is the step
/// number and nothing else.
/// </summary>
/// <param name="ExampleCount">Rows in an epoch.</param>
/// <param name="MicroBatchSize">Rows in a micro-batch.</param>
/// <param name="Accumulation">Micro-batches in a step; the last step of an epoch may have fewer.</param>
/// <param name="Seed">The run's seed; null keeps the rows in their order.</param>
public sealed record BatchPlan(int ExampleCount, int MicroBatchSize, int Accumulation, long? Seed)
{
    /// <summary>Keeps the data's random stream apart from the others of the same seed.</summary>
    private const long OrderStream = 1;

    private (int Epoch, int[] Order)? _current;

    /// <summary>Optimizer steps in an epoch.</summary>
    public int StepsPerEpoch => CeilingOf(CeilingOf(ExampleCount, MicroBatchSize), Accumulation);

    /// <summary>Optimizer steps of a run.</summary>
    /// <param name="epochs">Passes over the rows, may be fractional.</param>
    /// <param name="maxSteps">Wins where it is not -1.</param>
    public int TotalSteps(double epochs, int maxSteps) =>
        maxSteps != -1 ? maxSteps : Math.Max(1, (int)Math.Ceiling(epochs * StepsPerEpoch));

    /// <summary>The row indices of each micro-batch of a step.</summary>
    /// <param name="step">From 1, over all epochs.</param>
    public IEnumerable<int[]> MicroBatches(int step)
    {
        var (epoch, stepInEpoch) = Math.DivRem(step - 1, StepsPerEpoch);
        var order = OrderOf(epoch);
        var rowsInStep = (long)MicroBatchSize * Accumulation;
        var end = Math.Min(ExampleCount, (stepInEpoch + 1) * rowsInStep);
        for (var start = stepInEpoch * rowsInStep; start < end; start += MicroBatchSize)
            yield return order[(int)start..(int)Math.Min(end, start + MicroBatchSize)];
    }

    /// <summary>Passes made after a step.</summary>
    public double EpochAfter(int step) => (double)step / StepsPerEpoch;

    private int[] OrderOf(int epoch)
    {
        if (_current?.Epoch != epoch)
            _current = (epoch, Seed is { } seed ? new SeededRandom(seed, OrderStream, epoch).Permutation(ExampleCount) : [.. Enumerable.Range(0, ExampleCount)]);
        return _current.Value.Order;
    }

    private static int CeilingOf(int count, int size) => (int)(((long)count + size - 1) / size);
}
