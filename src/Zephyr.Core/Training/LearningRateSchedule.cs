using System.Globalization;
using Zephyr.Configuration;

namespace Zephyr.Training;

/// <summary>The learning rate of each step, by transformers' formulae: a rise from 0, then what the schedule's name says.</summary>
/// <param name="options">Peak, kind, its arguments and warmup; checked.</param>
/// <param name="totalSteps">Optimizer steps of the whole run.</param>
public sealed class LearningRateSchedule(OptimizerOptions options, int totalSteps)
{
    private readonly double _peak = options.LearningRate;
    private readonly int _warmup = options.LrSchedulerType == "constant" ? 0
        : options.WarmupSteps > 0 ? options.WarmupSteps
        : (int)Math.Ceiling(options.WarmupRatio * totalSteps);

    /// <summary>The first step with the highest rate: where the rise ends, as no schedule goes higher afterwards.</summary>
    public int PeakStep => new[] { 1, _warmup, _warmup + 1, totalSteps }.Where(step => step >= 1 && step <= totalSteps).Order().MaxBy(At);

    /// <summary>The rate that step <paramref name="step"/> (from 1) is taken with. With warmup the first step's is 0, as in transformers.</summary>
    public double At(int step)
    {
        var done = step - 1;
        return _peak * (done < _warmup ? Warmup(done) : Math.Max(0, AfterWarmup(done)));
    }

    /// <summary>The highest and the last rate, as a sentence.</summary>
    public string Describe() => $"learning rate: {Text(PeakStep)} at step {PeakStep}, the highest, and {Text(totalSteps)} at step {totalSteps}, the last";

    private string Text(int step) => At(step) is var rate && rate == 0 ? "0" : rate.ToString("0.0##e+00", CultureInfo.InvariantCulture);

    /// <summary>The share of the peak while it rises.</summary>
    private double Warmup(int done) => options.LrSchedulerType switch
    {
        "cosine_warmup_with_min_lr" when Given("warmup_lr_rate") is { } first => first + (1 - first) * done / Math.Max(1, _warmup - 1),
        "cosine_warmup_with_min_lr" => (done + 1.0) / _warmup,
        "warmup_stable_decay" => Above(Given("min_lr_ratio") ?? 0, (double)done / _warmup),
        _ => (double)done / _warmup,
    };

    /// <summary>The share of the peak from then on.</summary>
    private double AfterWarmup(int done)
    {
        var length = Math.Max(1, totalSteps - _warmup);
        var progress = (double)(done - _warmup) / length;
        return options.LrSchedulerType switch
        {
            "linear" => (double)(totalSteps - done) / length,
            "cosine" => Cosine(progress),
            "cosine_with_restarts" => 0.5 * (1 + Math.Cos(Math.PI * ((Given("num_cycles") ?? 1) * progress % 1))),
            "cosine_with_min_lr" => Above(Floor, Cosine(progress)),
            // This one reaches its floor with the last step instead of after it.
            "cosine_warmup_with_min_lr" => Above(Floor, Cosine((done - _warmup + 1.0) / length)),
            "polynomial" => Polynomial(progress),
            "inverse_sqrt" => InverseSquareRoot(done),
            "warmup_stable_decay" => StableThenDecay(done),
            _ => 1,
        };
    }

    /// <summary>Half a wave, down from 1 to 0, unless told otherwise.</summary>
    private double Cosine(double progress) => 0.5 * (1 + Math.Cos(Math.PI * (Given("num_cycles") ?? 0.5) * 2 * progress));

    private double Polynomial(double progress)
    {
        var end = Given("lr_end") ?? SchedulerNames.DefaultLrEnd;
        return ((_peak - end) * Math.Pow(1 - progress, Given("power") ?? 1) + end) / _peak;
    }

    private double InverseSquareRoot(int done)
    {
        var timescale = Given("timescale") ?? (_warmup > 0 ? _warmup : 10_000);
        return 1 / Math.Sqrt((done + timescale - _warmup) / timescale);
    }

    private double StableThenDecay(int done)
    {
        var (floor, decay) = (Given("min_lr_ratio") ?? 0, Given("num_decay_steps") ?? 0);
        var decaying = done - _warmup - (Given("num_stable_steps") ?? totalSteps - _warmup - decay);
        return decaying < 0 ? 1 : decaying < decay ? Above(floor, Cosine(decaying / decay)) : floor;
    }

    private double Floor => Given("min_lr_rate") ?? Given("min_lr") / _peak ?? 0;

    private static double Above(double floor, double share) => share * (1 - floor) + floor;

    private double? Given(string name) => options.LrSchedulerKwargs.TryGetValue(name, out var value) ? value : null;
}
