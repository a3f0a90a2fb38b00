using System.Globalization;
using Zephyr.Configuration;
using Zephyr.Tests.Golden;
using Zephyr.Training;

namespace Zephyr.Tests.Training;

/// <summary>
/// Every rate of a run, beside what transformers 5.12.1 sets: get_scheduler(type, SGD at 2e-5, warmup, steps, kwargs), the
/// optimizer's rate read before each step (inverse_sqrt's timescale through get_inverse_sqrt_schedule).
/// </summary>
public class LearningRateScheduleTests
{
    private const double Peak = 2e-5;

    [Theory]
    [InlineData("linear", 3, "", "0 6.666666666666667e-06 1.3333333333333333e-05 2e-05 1.7777777777777777e-05 1.555555555555556e-05 1.3333333333333333e-05 "
        + "1.1111111111111113e-05 8.888888888888888e-06 6.666666666666667e-06 4.444444444444444e-06 2.222222222222222e-06")]
    [InlineData("cosine", 3, "", "0 6.666666666666667e-06 1.3333333333333333e-05 2e-05 1.9396926207859085e-05 1.766044443118978e-05 1.5000000000000002e-05 "
        + "1.1736481776669307e-05 8.263518223330698e-06 5.000000000000003e-06 2.339555568810221e-06 6.030737921409169e-07")]
    [InlineData("cosine", 0, "num_cycles=1.25", "2e-05 1.7557495743542583e-05 1.142314838273285e-05 4.593591825444028e-06 4.0507026385502636e-07 "
        + "9.036800464548145e-07 5.845849869981128e-06 1.2817325568414294e-05 1.8412535328311813e-05 1.989821441880933e-05 1.6548607339452857e-05")]
    [InlineData("constant", 2, "", "2e-05 2e-05 2e-05 2e-05 2e-05")]
    [InlineData("constant_with_warmup", 4, "", "0 5e-06 1e-05 1.5000000000000002e-05 2e-05 2e-05")]
    [InlineData("cosine_with_restarts", 2, "", "0 1e-05 2e-05 1.9594929736144978e-05 1.8412535328311813e-05 1.6548607339452853e-05 1.4154150130018867e-05 "
        + "1.1423148382732854e-05 8.576851617267151e-06 5.845849869981137e-06 3.4513926605471504e-06 1.587464671688187e-06 4.0507026385502747e-07")]
    [InlineData("cosine_with_restarts", 2, "num_cycles=3", "0 1e-05 2e-05 1.6548607339452853e-05 8.576851617267151e-06 1.5874646716881892e-06 "
        + "1.9594929736144978e-05 1.415415013001887e-05 5.8458498699811415e-06 4.0507026385502636e-07 1.8412535328311816e-05 1.142314838273285e-05 3.451392660547157e-06")]
    [InlineData("cosine_with_min_lr", 3, "min_lr_rate=0.1", "0 6.666666666666667e-06 1.3333333333333333e-05 2e-05 1.9457233587073177e-05 1.7894399988070804e-05 "
        + "1.55e-05 1.2562833599002376e-05 9.437166400997629e-06 6.500000000000003e-06 4.1056000119292e-06 2.5427664129268253e-06")]
    [InlineData("cosine_with_min_lr", 0, "min_lr=7e-7", "2e-05 1.941803379058402e-05 1.774232887609814e-05 1.5175000000000001e-05 1.202570491448588e-05 "
        + "8.674295085514123e-06 5.525000000000003e-06 2.9576711239018635e-06 1.2819662094159845e-06")]
    [InlineData("cosine_with_min_lr", 2, "min_lr=7e-7 num_cycles=1", "0 1e-05 2e-05 1.636667658793678e-05 8.202672987321567e-06 1.6556504247416564e-06 "
        + "1.6556504247416553e-06 8.202672987321565e-06 1.6366676587936778e-05")]
    [InlineData("cosine_warmup_with_min_lr", 3, "min_lr_rate=0.1", "6.666666666666667e-06 1.3333333333333333e-05 2e-05 1.9457233587073177e-05 "
        + "1.7894399988070804e-05 1.55e-05 1.2562833599002376e-05 9.437166400997629e-06 6.500000000000003e-06 4.1056000119292e-06 2.5427664129268253e-06 2.0000000000000003e-06")]
    [InlineData("cosine_warmup_with_min_lr", 4, "min_lr=7e-7 warmup_lr_rate=0.2", "4.000000000000001e-06 9.333333333333334e-06 1.466666666666667e-05 "
        + "2.0000000000000005e-05 1.8707145146519836e-05 1.5175000000000001e-05 1.0350000000000001e-05 5.525000000000003e-06 1.992854853480167e-06 7e-07")]
    [InlineData("polynomial", 3, "", "0 6.666666666666667e-06 1.3333333333333333e-05 2e-05 1.778888888888889e-05 1.557777777777778e-05 1.336666666666667e-05 "
        + "1.1155555555555556e-05 8.944444444444446e-06 6.733333333333335e-06 4.5222222222222225e-06 2.3111111111111125e-06")]
    [InlineData("polynomial", 0, "lr_end=2e-6 power=2.5", "2e-05 1.5831802485576493e-05 1.230380124031903e-05 9.379341434030545e-06 7.019386416684812e-06 "
        + "5.181980515339464e-06 3.821471932256987e-06 2.8873105431583694e-06 2.3219937887599697e-06 2.0569209978830306e-06")]
    [InlineData("inverse_sqrt", 3, "", "0 6.666666666666667e-06 1.3333333333333333e-05 2e-05 1.7320508075688777e-05 1.549193338482967e-05 1.4142135623730951e-05 "
        + "1.3093073414159542e-05 1.224744871391589e-05 1.1547005383792517e-05 1.0954451150103323e-05 1.044465935734187e-05")]
    [InlineData("inverse_sqrt", 0, "", "2e-05 1.9999000074993755e-05 1.9998000299950014e-05 1.9997000674831297e-05 1.9996001199600145e-05 1.999500187421909e-05")]
    [InlineData("inverse_sqrt", 2, "timescale=50", "0 1e-05 2e-05 1.9802950859533486e-05 1.9611613513818405e-05 1.9425717247145287e-05 1.9245008972987524e-05 "
        + "1.9069251784911845e-05 1.889822365046136e-05")]
    [InlineData("warmup_stable_decay", 3, "num_decay_steps=4", "0 6.666666666666667e-06 1.3333333333333333e-05 2e-05 2e-05 2e-05 2e-05 2e-05 2e-05 "
        + "1.7071067811865477e-05 1e-05 2.9289321881345257e-06")]
    [InlineData("warmup_stable_decay", 2, "num_decay_steps=5 num_stable_steps=4 min_lr_ratio=0.1", "2.0000000000000003e-06 1.1000000000000001e-05 2e-05 2e-05 2e-05 "
        + "2e-05 2e-05 1.8281152949374527e-05 1.3781152949374527e-05 8.218847050625476e-06 3.7188470506254746e-06 2.0000000000000003e-06 2.0000000000000003e-06 2.0000000000000003e-06")]
    [InlineData("warmup_stable_decay", 0, "num_decay_steps=6 num_cycles=1 min_lr_ratio=0.05", "2e-05 2e-05 2e-05 2e-05 2e-05 1.525e-05 5.7500000000000025e-06 "
        + "1.0000000000000002e-06 5.749999999999996e-06 1.525e-05")]
    public void Rates_are_those_of_transformers(string type, int warmup, string kwargs, string rates)
    {
        double[] expected = [.. rates.Split(' ').Select(Number)];
        var options = Options(type, kwargs) with { WarmupSteps = warmup };
        Assert.Empty(options.Validate());
        var schedule = new LearningRateSchedule(options, expected.Length);
        foreach (var (done, rate) in expected.Index()) Near.Equal(rate, schedule.At(done + 1), 1e-12, $"{type}, step {done + 1}");
        Assert.Equal(Enumerable.Range(1, expected.Length).MaxBy(schedule.At), schedule.PeakStep);
    }

    /// <summary>ceil(0.11 * 10) = 2 steps; warmup_steps wins over it where given.</summary>
    [Theory]
    [InlineData(0.2, 0, 2)]
    [InlineData(0.11, 0, 2)]
    [InlineData(0.5, 2, 2)]
    [InlineData(0, 0, 0)]
    [InlineData(1, 0, 10)]
    public void Warmup_is_a_share_of_the_steps_or_their_number(double ratio, int steps, int expected)
    {
        var schedule = new LearningRateSchedule(Options("constant_with_warmup", "") with { WarmupRatio = ratio, WarmupSteps = steps }, 10);
        Assert.Equal(expected, Enumerable.Range(1, 10).Count(step => schedule.At(step) < Peak));
    }

    /// <summary>More warmup than there are steps: nothing after it is ever asked for.</summary>
    [Theory]
    [InlineData("linear", "")]
    [InlineData("cosine", "")]
    [InlineData("polynomial", "")]
    [InlineData("inverse_sqrt", "")]
    [InlineData("warmup_stable_decay", "num_decay_steps=2")]
    public void A_run_that_is_all_warmup_never_reaches_the_peak(string type, string kwargs)
    {
        var schedule = new LearningRateSchedule(Options(type, kwargs) with { WarmupSteps = 8 }, 4);
        Assert.Equal([0, Peak / 8, Peak / 4, Peak * 3 / 8], Enumerable.Range(1, 4).Select(schedule.At), (a, b) => Math.Abs(a - b) < 1e-18);
    }

    [Theory]
    [InlineData("reduce_lr_on_plateau", "", "lr_scheduler_type: reduce_lr_on_plateau is not implemented; expected cosine, linear, constant, constant_with_warmup, "
        + "cosine_with_restarts, cosine_with_min_lr, cosine_warmup_with_min_lr, polynomial, inverse_sqrt or warmup_stable_decay")]
    [InlineData("linear", "power=2", "lr_scheduler_kwargs: linear takes no power; it takes nothing")]
    [InlineData("polynomial", "timescale=2", "lr_scheduler_kwargs: polynomial takes no timescale; it takes lr_end, power")]
    [InlineData("polynomial", "lr_end=1", "lr_scheduler_kwargs: lr_end must be below learning_rate (was 1, learning_rate 2E-05)")]
    [InlineData("polynomial", "power=-1", "lr_scheduler_kwargs: power must be at least 0 (was -1)")]
    [InlineData("cosine_with_min_lr", "", "lr_scheduler_kwargs: cosine_with_min_lr needs min_lr or min_lr_rate, and neither is given")]
    [InlineData("cosine_with_min_lr", "min_lr=0 min_lr_rate=0", "lr_scheduler_kwargs: cosine_with_min_lr needs min_lr or min_lr_rate, not both")]
    [InlineData("cosine_with_min_lr", "min_lr=1", "lr_scheduler_kwargs: min_lr must be at most learning_rate (was 1, learning_rate 2E-05)")]
    [InlineData("cosine_with_min_lr", "min_lr_rate=2", "lr_scheduler_kwargs: min_lr_rate must be from 0 to 1 (was 2)")]
    [InlineData("inverse_sqrt", "timescale=0", "lr_scheduler_kwargs: timescale must be > 0 (was 0)")]
    [InlineData("warmup_stable_decay", "", "lr_scheduler_kwargs: warmup_stable_decay needs num_decay_steps")]
    [InlineData("warmup_stable_decay", "num_decay_steps=1.5", "lr_scheduler_kwargs: num_decay_steps must be a whole number, at least 0 (was 1.5)")]
    public void What_a_schedule_does_not_take_or_needs_is_said(string type, string kwargs, string expected)
    {
        var problem = Assert.Single(Options(type, kwargs).Validate());
        Assert.Equal(expected, $"{problem.Key}: {problem.Message}");
    }

    [Fact]
    public void Polynomials_own_end_may_be_above_a_small_rate() =>
        Assert.Equal("lr_end must be below learning_rate (was 1E-07 by default, learning_rate 1E-08)",
            Assert.Single((Options("polynomial", "") with { LearningRate = 1e-8 }).Validate()).Message);

    private static OptimizerOptions Options(string type, string kwargs) => new()
    {
        LearningRate = Peak,
        LrSchedulerType = type,
        LrSchedulerKwargs = kwargs.Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(pair => pair.Split('=')).ToDictionary(pair => pair[0], pair => Number(pair[1])),
    };

    private static double Number(string text) => double.Parse(text, CultureInfo.InvariantCulture);
}
