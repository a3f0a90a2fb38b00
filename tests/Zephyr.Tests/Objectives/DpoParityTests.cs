using Zephyr.Objectives;
using Zephyr.Tests.Golden;
using static TorchSharp.torch;

namespace Zephyr.Tests.Objectives;

public class DpoParityTests
{
    private const double Tolerance = 1e-5;

    [Theory]
    [InlineData("swnone", false, false)]
    [InlineData("swnone", true, false)]
    [InlineData("sw8", false, false)]
    [InlineData("sw8", true, false)]
    [InlineData("sw8", false, true)]
    public void Loss_metrics_and_gradients_are_those_of_trl(string window, bool concatenated, bool recompute)
    {
        using var golden = new GoldenModel(window);
        using var scope = NewDisposeScope();
        var expected = golden.Numbers.GetProperty("dpo");
        var (policy, reference) = (golden.Load("policy"), golden.Load("ref", trainable: false));
        var pairs = GoldenModel.Pairs(GoldenModel.Inputs.GetProperty("pairs").GetProperty("examples"));
        var objective = new DpoObjective(policy, reference, new(DpoLossType.Sigmoid, expected.GetProperty("beta").GetDouble(), 0, concatenated, recompute));

        var sums = objective.AccumulateGradients(pairs);
        Near.Equal(sums, objective.Evaluate(pairs), 1e-6, "metrics without gradients");
        var means = (sums / pairs.Count).to_type(ScalarType.Float64).data<double>().ToArray();
        Near.Equal(expected.GetProperty("loss").GetDouble(), means[0], Tolerance, "loss");
        for (var i = 1; i < means.Length; i++)
        {
            // Rewards are small differences of large sums: what 1e-5 of the sums leaves of them.
            var name = objective.MetricNames[i];
            var wanted = expected.GetProperty("metrics").GetProperty(name).GetDouble();
            Assert.True(Math.Abs(wanted - means[i]) <= 2e-5 + Tolerance * Math.Abs(wanted), $"{name}: {means[i]}, expected {wanted}");
        }
        foreach (var (name, parameter) in policy.Parameters.All)
        {
            var gradient = parameter.grad! / pairs.Count;
            Near.Equal(expected.GetProperty("grad_norms").GetProperty(name).GetDouble(), gradient.norm().item<float>(), Tolerance, $"gradient norm of {name}");
            Near.Equal(golden.TensorOf($"dpo.grad.{name}"), gradient, Tolerance, $"gradient of {name}");
        }
        Assert.All(reference.Parameters.All, entry => Assert.Null(entry.Value.grad));
    }

    [Theory]
    [InlineData(DpoLossType.Hinge, 0.0, "hinge")]
    [InlineData(DpoLossType.Ipo, 0.0, "ipo(TRL, length-averaged)")]
    [InlineData(DpoLossType.Sigmoid, 0.1, "sigmoid, label_smoothing 0.1 (cDPO)")]
    [InlineData(DpoLossType.Robust, 0.1, "robust, label_smoothing 0.1")]
    public void Other_losses_are_those_of_trl(DpoLossType type, double smoothing, string name)
    {
        using var golden = new GoldenModel("sw8");
        using var scope = NewDisposeScope();
        var expected = golden.Numbers.GetProperty("dpo");
        var pairs = GoldenModel.Pairs(GoldenModel.Inputs.GetProperty("pairs").GetProperty("examples"));
        var objective = new DpoObjective(golden.Load("policy"), golden.Load("ref", trainable: false), new(type, 0.1, smoothing, false, false));
        Near.Equal(expected.GetProperty("other_losses").GetProperty(name).GetDouble(), objective.Evaluate(pairs)[0].item<float>() / pairs.Count, Tolerance, name);
    }

    [Theory]
    [InlineData(DpoLossType.Sigmoid, 0.0)]
    [InlineData(DpoLossType.Sigmoid, 0.2)]
    [InlineData(DpoLossType.Hinge, 0.0)]
    [InlineData(DpoLossType.Ipo, 0.0)]
    [InlineData(DpoLossType.Robust, 0.2)]
    public void Gradients_agree_with_finite_differences(DpoLossType type, double smoothing)
    {
        using var scope = NewDisposeScope();
        double[] chosen = [-20, -31, -8], rejected = [-22, -25, -19];
        using var leaf = tensor(chosen, requires_grad: true);
        Loss(leaf).sum().backward();
        for (var i = 0; i < chosen.Length; i++)
        {
            const double step = 1e-5;
            var (up, down) = (chosen.ToArray(), chosen.ToArray());
            up[i] += step;
            down[i] -= step;
            var slope = (Loss(tensor(up)).sum().item<double>() - Loss(tensor(down)).sum().item<double>()) / (2 * step);
            Assert.Equal(slope, leaf.grad![i].item<double>(), 1e-6);
        }

        Tensor Loss(Tensor policyChosen) => DpoLoss.Compute(type, new(policyChosen, tensor(rejected),
            tensor(new double[] { -21, -30, -9 }), tensor(new double[] { -21.5, -26, -17 }), tensor(new double[] { 10, 12, 4 }), tensor(new double[] { 9, 14, 8 })), 0.1, smoothing);
    }

    [Fact]
    public void Equal_models_give_ln_2_and_no_accuracy()
    {
        using var golden = new GoldenModel("sw8");
        using var scope = NewDisposeScope();
        var pairs = GoldenModel.Pairs(GoldenModel.Inputs.GetProperty("pairs").GetProperty("examples"));
        var objective = new DpoObjective(golden.Load("policy"), golden.Load("policy", trainable: false), new(DpoLossType.Sigmoid, 0.1, 0, false, false));
        var means = (objective.Evaluate(pairs) / pairs.Count).data<float>().ToArray();
        Assert.Equal(Math.Log(2), means[0], 1e-6);
        Assert.Equal(0, means[3]);
    }
}
