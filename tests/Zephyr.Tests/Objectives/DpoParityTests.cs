using Zephyr.Objectives;
using Zephyr.Tests.Golden;
using Zephyr.Tests.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Objectives;

public class DpoParityTests
{
    private const double Tolerance = 1e-5;

    [Theory]
    [InlineData("swnone", PairLayoutKind.Separate, false)]
    [InlineData("swnone", PairLayoutKind.Concatenated, false)]
    [InlineData("swnone", PairLayoutKind.SharedPrefix, false)]
    [InlineData("sw8", PairLayoutKind.Separate, false)]
    [InlineData("sw8", PairLayoutKind.Concatenated, false)]
    [InlineData("sw8", PairLayoutKind.SharedPrefix, false)]
    [InlineData("sw8", PairLayoutKind.Separate, true)]
    [InlineData("sw8", PairLayoutKind.SharedPrefix, true)]
    public void Loss_metrics_and_gradients_are_those_of_trl(string window, PairLayoutKind layout, bool recompute)
    {
        using var golden = new GoldenModel(window);
        using var scope = NewDisposeScope();
        var expected = golden.Numbers.GetProperty("dpo");
        var (policy, reference) = (golden.Load("policy"), golden.Load("ref", trainable: false));
        var pairs = GoldenModel.Pairs(GoldenModel.Inputs.GetProperty("pairs").GetProperty("examples"));
        var objective = TinyTraining.Dpo(policy, reference, new(DpoLossSettings.Sigmoid(expected.GetProperty("beta").GetDouble()), layout, recompute ? 1 : 0));

        var sums = objective.AccumulateGradients(pairs);
        Near.Equal(sums, objective.Evaluate(pairs), 1e-6, "metrics without gradients");
        var totals = objective.TotalsOf(pairs);
        var means = sums.to_type(ScalarType.Float64).data<double>().ToArray().Select((sum, i) => sum / totals[i]).ToArray();
        Near.Equal(expected.GetProperty("loss").GetDouble(), means[0], Tolerance, "loss");
        for (var i = 1; i < means.Length; i++)
        {
            // Rewards are small differences of large sums: what 1e-5 of the sums leaves of them.
            var name = objective.MetricNames[i];
            if (name.StartsWith("logits/", StringComparison.Ordinal)) continue; // Not in the goldens: see DpoMetricTests.
            var wanted = expected.GetProperty("metrics").GetProperty(name).GetDouble();
            Assert.True(Math.Abs(wanted - means[i]) <= 2e-5 + Tolerance * Math.Abs(wanted), $"{name}: {means[i]}, expected {wanted}");
        }
        foreach (var name in policy.Parameters.Weights.Select(weight => weight.Name))
        {
            var gradient = policy.Parameters.Of(name).Gradient! / pairs.Count;
            Near.Equal(expected.GetProperty("grad_norms").GetProperty(name).GetDouble(), gradient.norm().item<float>(), Tolerance, $"gradient norm of {name}");
            Near.Equal(golden.TensorOf($"dpo.grad.{name}"), gradient, Tolerance, $"gradient of {name}");
        }
        Assert.All(reference.Parameters.Weights, weight => Assert.Null(weight.Gradient));
    }

    [Theory]
    [InlineData(DpoLossType.Hinge, 0.0, "hinge")]
    [InlineData(DpoLossType.Ipo, 0.0, "ipo(TRL, length-averaged)")]
    [InlineData(DpoLossType.IpoSum, 0.0, "ipo(paper, summed logps)")]
    [InlineData(DpoLossType.Sigmoid, 0.1, "sigmoid, label_smoothing 0.1 (cDPO)")]
    [InlineData(DpoLossType.Robust, 0.1, "robust, label_smoothing 0.1")]
    public void Other_losses_are_those_of_trl(DpoLossType type, double smoothing, string name)
    {
        using var golden = new GoldenModel("sw8");
        using var scope = NewDisposeScope();
        var expected = golden.Numbers.GetProperty("dpo");
        var pairs = GoldenModel.Pairs(GoldenModel.Inputs.GetProperty("pairs").GetProperty("examples"));
        var settings = new DpoSettings(new([(type, 1)], 0.1) { LabelSmoothing = smoothing });
        var objective = TinyTraining.Dpo(golden.Load("policy"), golden.Load("ref", trainable: false), settings);
        Near.Equal(expected.GetProperty("other_losses").GetProperty(name).GetDouble(), objective.Evaluate(pairs)[0].item<float>() / pairs.Count, Tolerance, name);
    }

    [Fact]
    public void Equal_models_give_ln_2_and_no_accuracy()
    {
        using var golden = new GoldenModel("sw8");
        using var scope = NewDisposeScope();
        var pairs = GoldenModel.Pairs(GoldenModel.Inputs.GetProperty("pairs").GetProperty("examples"));
        var objective = TinyTraining.Dpo(golden.Load("policy"), golden.Load("policy", trainable: false));
        var means = (objective.Evaluate(pairs) / pairs.Count).data<float>().ToArray();
        Assert.Equal(Math.Log(2), means[0], 1e-6);
        Assert.Equal(0, means[3]);
    }
}
