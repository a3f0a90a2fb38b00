using Zephyr.Configuration;

namespace Zephyr.Training;

/// <summary>The learning rate of each step, by transformers' formulae: a linear rise from 0, then a fall to 0 or none.</summary>
/// <param name="options">Peak, kind and warmup.</param>
/// <param name="totalSteps">Optimizer steps of the whole run.</param>
public sealed class LearningRateSchedule(OptimizerOptions options, int totalSteps)
{
    private readonly int _warmup = options.LrSchedulerType == "constant" ? 0
        : options.WarmupSteps > 0 ? options.WarmupSteps
        : (int)Math.Ceiling(options.WarmupRatio * totalSteps);

    /// <summary>The rate that step <paramref name="step"/> (from 1) is taken with. With warmup the first step's is 0, as in transformers.</summary>
    public double At(int step)
    {
        var done = step - 1;
        if (done < _warmup) return options.LearningRate * done / Math.Max(1, _warmup);
        var left = Math.Max(1, totalSteps - _warmup);
        return options.LearningRate * options.LrSchedulerType switch
        {
            "linear" => Math.Max(0, (double)(totalSteps - done) / left),
            "cosine" => Math.Max(0, 0.5 * (1 + Math.Cos(Math.PI * (done - _warmup) / left))),
            _ => 1,
        };
    }
}
