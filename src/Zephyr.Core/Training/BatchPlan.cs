using System.Globalization;
using Zephyr.Runtime;

namespace Zephyr.Training;

/// <summary>
/// Which rows each optimizer step sees: a pure function of (seed, epoch), so that the position in the data is the step
/// number and nothing else. How the rows of a step are divided into micro-batches is a pure function of these rows.
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

    /// <summary>
    /// The most tokens of a micro-batch. A step has the same rows as without it, micro-batch size times accumulation, but they are
    /// divided by tokens instead of number. 0 divides by number.
    /// </summary>
    public int MaxTokens { get; init; }

    /// <summary>Tokens of a row, by its index, that are in memory together; 0 where nobody asks.</summary>
    public Func<int, int> TokensOf { get; init; } = _ => 0;

    /// <summary>Optimizer steps in an epoch.</summary>
    public int StepsPerEpoch => CeilingOf(CeilingOf(ExampleCount, MicroBatchSize), Accumulation);

    /// <summary>The plan of a run.</summary>
    /// <param name="data">The rows.</param>
    /// <param name="options">Batch sizes and seed.</param>
    /// <param name="tokensOf">Tokens of a row that are in memory together.</param>
    public static BatchPlan Of<TExample>(TrainingData<TExample> data, TrainerOptions options, Func<TExample, int> tokensOf)
    {
        ArgumentNullException.ThrowIfNull(data);
        ArgumentNullException.ThrowIfNull(options);
        var (training, rows) = (options.Training, data.Train);
        return new(rows.Count, training.PerDeviceTrainBatchSize, training.GradientAccumulationSteps, data.Shuffle ? options.Seed : null)
        {
            MaxTokens = training.MaxTokensPerBatch,
            TokensOf = row => tokensOf(rows[row]),
        };
    }

    /// <summary>Optimizer steps of a run.</summary>
    /// <param name="epochs">Passes over the rows, may be fractional.</param>
    /// <param name="maxSteps">Wins where it is not -1.</param>
    public int TotalSteps(double epochs, int maxSteps) =>
        maxSteps != -1 ? maxSteps : Math.Max(1, (int)Math.Ceiling(epochs * StepsPerEpoch));

    /// <summary>The row indices of each micro-batch of a step.</summary>
    /// <param name="step">From 1, over all epochs.</param>
    /// <exception cref="ArgumentOutOfRangeException">A row alone has more than <see cref="MaxTokens"/>.</exception>
    public IEnumerable<int[]> MicroBatches(int step)
    {
        var rows = RowsOf(step);
        return MaxTokens == 0
            ? rows.Chunk(MicroBatchSize)
            : EvenBatches.Of([.. rows.Select(TokensOf)], MaxTokens).Select(batch => batch.Select(at => rows[at]).ToArray());
    }

    /// <summary>What the micro-batches of a run's steps come to, by those of its first epoch: it goes through them all.</summary>
    /// <param name="totalSteps">Steps of the run.</param>
    public MicroBatchSummary Summary(int totalSteps)
    {
        var (least, most, count, tokens) = (int.MaxValue, 0, 0L, 0L);
        var steps = Math.Min(totalSteps, StepsPerEpoch);
        for (var step = 1; step <= steps; step++)
        {
            var batches = MicroBatches(step).ToList();
            (least, most, count) = (Math.Min(least, batches.Count), Math.Max(most, batches.Count), count + batches.Count);
            tokens = Math.Max(tokens, batches.Max(rows => rows.Sum(row => (long)TokensOf(row))));
        }
        return new(least, (double)count / steps, most, tokens);
    }

    /// <summary>The micro-batch of the most tokens among those of some steps: the first of several.</summary>
    /// <param name="first">From this step on.</param>
    /// <param name="last">To this one; of more than a million, the first million is looked at.</param>
    public int[] Largest(int first, int last)
    {
        // Rows are read once, not once an epoch.
        int[] lengths = [.. Enumerable.Range(0, ExampleCount).Select(TokensOf)];
        var counted = this with { TokensOf = row => lengths[row] };
        var (largest, most) = (Array.Empty<int>(), -1L);
        for (var step = first; step <= Math.Min(last, first + 999_999L); step++)
        {
            foreach (var rows in counted.MicroBatches(step))
            {
                var tokens = rows.Sum(row => (long)lengths[row]);
                if (tokens > most) (largest, most) = (rows, tokens);
            }
        }
        return largest;
    }

    /// <summary>Passes made after a step.</summary>
    public double EpochAfter(int step) => (double)step / StepsPerEpoch;

    /// <summary>The row indices of a step, in the order of its epoch.</summary>
    private int[] RowsOf(int step)
    {
        var (epoch, stepInEpoch) = Math.DivRem(step - 1, StepsPerEpoch);
        var rowsInStep = (long)MicroBatchSize * Accumulation;
        return OrderOf(epoch)[(int)(stepInEpoch * rowsInStep)..(int)Math.Min(ExampleCount, (stepInEpoch + 1) * rowsInStep)];
    }

    private int[] OrderOf(int epoch)
    {
        if (_current?.Epoch != epoch)
            _current = (epoch, Seed is { } seed ? new SeededRandom(seed, OrderStream, epoch).Permutation(ExampleCount) : [.. Enumerable.Range(0, ExampleCount)]);
        return _current.Value.Order;
    }

    private static int CeilingOf(int count, int size) => (int)(((long)count + size - 1) / size);
}

/// <summary>What the micro-batches of a run come to.</summary>
/// <param name="Least">The fewest of a step.</param>
/// <param name="Mean">Of a step on average.</param>
/// <param name="Most">The most of a step.</param>
/// <param name="MostTokens">Tokens of the largest one: what activations go with.</param>
public sealed record MicroBatchSummary(int Least, double Mean, int Most, long MostTokens)
{
    /// <summary>"4 a step", or "4 to 7 a step, 5.3 on average".</summary>
    public string PerStep => Least == Most ? $"{Most} a step" : string.Create(CultureInfo.InvariantCulture, $"{Least} to {Most} a step, {Mean:0.#} on average");
}
