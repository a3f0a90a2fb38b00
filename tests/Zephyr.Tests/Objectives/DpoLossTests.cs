using Zephyr.Objectives;
using static TorchSharp.torch;

namespace Zephyr.Tests.Objectives;

/// <summary>Every loss against its formula, written out for one pair in plain numbers, and its gradient against finite differences.</summary>
public class DpoLossTests
{
    private const double Beta = 0.3, Smoothing = 0.15, Tau = 0.5;

    // Sums of log-probabilities of four pairs, and lengths. No two pairs tie, so that sorting is differentiable here.
    private static readonly double[] Chosen = [-20, -31, -8, -14.5], Rejected = [-22, -25, -19, -14];
    private static readonly double[] ReferenceChosen = [-21, -30, -9.3, -12], ReferenceRejected = [-21.5, -26, -17, -15.25];
    private static readonly double[] ChosenTokens = [10, 12, 4, 7], RejectedTokens = [9, 14, 8, 7];

    public static TheoryData<DpoLossType> All => [.. Enum.GetValues<DpoLossType>()];

    [Theory]
    [MemberData(nameof(All))]
    public void The_loss_is_its_formula(DpoLossType type)
    {
        using var scope = NewDisposeScope();
        var losses = DpoLoss.Of(type, Pairs(tensor(Chosen), tensor(Rejected)), Settings(type));
        double[] expected = type switch
        {
            DpoLossType.Aot => [.. Sorted(Chosen, Rejected).Zip(Sorted(ReferenceChosen, ReferenceRejected), (policy, reference) => Smooth(Beta * (policy - reference)))],
            DpoLossType.AotUnpaired => [.. Sorted(Chosen, ReferenceChosen).Zip(Sorted(Rejected, ReferenceRejected), (a, b) => Smooth(Beta * (a - b)))],
            _ => [.. Enumerable.Range(0, Chosen.Length).Select(i => Formula(type, i))],
        };
        Assert.Equal(expected.Length, losses.shape[0]);
        foreach (var (wanted, found) in expected.Zip(losses.data<double>())) Assert.Equal(wanted, found, 1e-12 * Math.Max(1, Math.Abs(wanted)));
    }

    [Theory]
    [MemberData(nameof(All))]
    public void The_gradient_agrees_with_finite_differences(DpoLossType type)
    {
        foreach (var divergence in Enum.GetValues<FDivergence>()) AssertGradient(Settings(type, divergence));
    }

    [Fact]
    public void A_list_of_losses_is_their_weighted_sum()
    {
        using var scope = NewDisposeScope();
        var pairs = Pairs(tensor(Chosen), tensor(Rejected));
        var list = new DpoLossSettings([(DpoLossType.Sigmoid, 0.8), (DpoLossType.BcoPair, 0.2)], Beta);
        var sum = 0.8 * DpoLoss.Of(DpoLossType.Sigmoid, pairs, list) + 0.2 * DpoLoss.Of(DpoLossType.BcoPair, pairs, list);
        Assert.True(allclose(sum, DpoLoss.Compute(pairs, list), 1e-12, 1e-12));
        AssertGradient(list);
    }

    /// <summary>An alpha of 1 is the usual divergence; near it the scores are the log-ratios but for a constant.</summary>
    [Fact]
    public void The_alpha_divergence_goes_over_into_the_usual_one()
    {
        using var scope = NewDisposeScope();
        var pairs = Pairs(tensor(Chosen), tensor(Rejected));
        var usual = DpoLoss.Compute(pairs, Settings(DpoLossType.Sigmoid));
        var one = DpoLoss.Compute(pairs, Settings(DpoLossType.Sigmoid, FDivergence.AlphaDivergence) with { DivergenceAlpha = 1 });
        var near = DpoLoss.Compute(pairs, Settings(DpoLossType.Sigmoid, FDivergence.AlphaDivergence) with { DivergenceAlpha = 1.00001 });
        Assert.True(allclose(usual, one, 0, 0));
        Assert.True(allclose(usual, near, 1e-4, 1e-4));
    }

    /// <summary>-exp(-x), log s(x) and exp((alpha - 1) x) / (alpha - 1) of a log-ratio x = 0.7.</summary>
    [Theory]
    [InlineData(FDivergence.ReverseKl, 0.7)]
    [InlineData(FDivergence.ForwardKl, -0.49658530379140951)]
    [InlineData(FDivergence.JsDivergence, -0.40318604888545788)]
    [InlineData(FDivergence.AlphaDivergence, -1.4093761794374269)]
    public void A_divergence_scores_a_log_ratio(FDivergence divergence, double expected)
    {
        using var scope = NewDisposeScope();
        // With the rejected answer's log-ratio at 0 and a loss linear where it is above 1, the hinge shows the difference of two scores.
        var zero = divergence switch
        {
            FDivergence.ReverseKl => 0.0,
            FDivergence.ForwardKl => -1,
            FDivergence.JsDivergence => -Math.Log(2),
            _ => -2,
        };
        var none = tensor(new double[] { 0 });
        var pairs = new PairLogProbs(none, tensor(new[] { 0.7 }), none, none, ones_like(none), ones_like(none));
        var hinge = DpoLoss.Compute(pairs, new([(DpoLossType.Hinge, 1)], 1) { Divergence = divergence });
        Assert.Equal(1 + expected - zero, hinge.item<double>(), 1e-12);
    }

    /// <summary>What a policy that has run far away makes of the exponentials must stay a number.</summary>
    [Fact]
    public void Divergences_do_not_overflow_in_single_precision()
    {
        using var scope = NewDisposeScope();
        var (far, none, one) = (tensor(new[] { -400f }), tensor(new[] { 0f }), tensor(new[] { 10f }));
        var pairs = new PairLogProbs(far, none, none, far, one, one);
        foreach (var divergence in Enum.GetValues<FDivergence>())
            Assert.True(DpoLoss.Compute(pairs, Settings(DpoLossType.Sigmoid, divergence)).isfinite().all().item<bool>(), $"{divergence}");
    }

    private static DpoLossSettings Settings(DpoLossType type, FDivergence divergence = FDivergence.ReverseKl) =>
        new([(type, 1)], Beta) { LabelSmoothing = Smoothing, Divergence = divergence, DiscopopTau = Tau };

    private static PairLogProbs Pairs(Tensor chosen, Tensor rejected) =>
        new(chosen, rejected, tensor(ReferenceChosen), tensor(ReferenceRejected), tensor(ChosenTokens), tensor(RejectedTokens));

    private static void AssertGradient(DpoLossSettings settings)
    {
        using var scope = NewDisposeScope();
        using Tensor chosen = tensor(Chosen, requires_grad: true), rejected = tensor(Rejected, requires_grad: true);
        DpoLoss.Compute(Pairs(chosen, rejected), settings).sum().backward();
        const double step = 1e-5;
        for (var i = 0; i < 2 * Chosen.Length; i++)
        {
            double Sum(double change)
            {
                double[] all = [.. Chosen, .. Rejected];
                all[i] += change;
                return DpoLoss.Compute(Pairs(tensor(all[..Chosen.Length]), tensor(all[Chosen.Length..])), settings).sum().item<double>();
            }
            var found = (i < Chosen.Length ? chosen.grad : rejected.grad)?[i % Chosen.Length].item<double>() ?? 0;
            var slope = (Sum(step) - Sum(-step)) / (2 * step);
            Assert.True(Math.Abs(slope - found) <= 1e-6 * Math.Max(1, Math.Abs(slope)), $"{settings.Losses[0].Type}, {settings.Divergence}, {i}: {found}, expected {slope}");
        }
    }

    private static double Formula(DpoLossType type, int i)
    {
        double a = Chosen[i] - ReferenceChosen[i], b = Rejected[i] - ReferenceRejected[i], h = a - b;
        double perToken = a / ChosenTokens[i] - b / RejectedTokens[i], half = 1 / (2 * Beta);
        return type switch
        {
            DpoLossType.Sigmoid => Smooth(Beta * h),
            DpoLossType.Hinge => Math.Max(0, 1 - Beta * h),
            DpoLossType.Ipo => Math.Pow(perToken - half, 2),
            DpoLossType.IpoSum => Math.Pow(h - half, 2),
            DpoLossType.Robust => (-(1 - Smoothing) * LogS(Beta * h) + Smoothing * LogS(-Beta * h)) / (1 - 2 * Smoothing),
            DpoLossType.ExoPair => S(Beta * h) * (LogS(Beta * h) - Math.Log(1 - Smoothing)) + S(-Beta * h) * (LogS(-Beta * h) - Math.Log(Smoothing)),
            DpoLossType.NcaPair => -LogS(Beta * a) - 0.5 * LogS(-Beta * a) - 0.5 * LogS(-Beta * b),
            DpoLossType.BcoPair => -LogS(Beta * a) - LogS(-Beta * b),
            DpoLossType.SppoHard => Math.Pow(a - half, 2) + Math.Pow(b + half, 2),
            DpoLossType.ApoZero => 1 - S(Beta * a) + S(Beta * b),
            DpoLossType.ApoDown => S(Beta * a) + 1 - S(Beta * h),
            DpoLossType.Discopop => (1 - S(Beta * h / Tau)) * -LogS(Beta * h) + S(Beta * h / Tau) * Math.Exp(-Beta * h),
            DpoLossType.SigmoidNorm => -LogS(Beta * perToken),
            _ => throw new ArgumentOutOfRangeException(nameof(type), type, "has no formula here"),
        };
    }

    private static double Smooth(double x) => -(1 - Smoothing) * LogS(x) - Smoothing * LogS(-x);

    private static double S(double x) => 1 / (1 + Math.Exp(-x));

    private static double LogS(double x) => -Math.Log(1 + Math.Exp(-x));

    private static IEnumerable<double> Sorted(double[] x, double[] y) => x.Zip(y, (left, right) => left - right).Order();
}
