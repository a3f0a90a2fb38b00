using System.Text.Json;
using Zephyr.Model;
using Zephyr.Objectives;
using Zephyr.Tests.Golden;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training;

public class TrajectoryTests
{
    [Theory]
    [InlineData("swnone", 4, 1)]
    [InlineData("swnone", 2, 2)]
    [InlineData("sw8", 4, 1)]
    [InlineData("sw8", 2, 2)]
    [InlineData("sw8", 1, 4)]
    public void Ten_sft_steps_are_those_of_trl(string window, int batch, int accumulation)
    {
        using var golden = new GoldenModel(window);
        var model = golden.Load("policy");
        using var trainer = Trainer(model, new SftObjective(model, new()), GoldenModel.SftTrain, batch, accumulation);
        Follow(trainer, golden.Numbers.GetProperty("sft_10_steps"));
        SameWeights(golden, model, "after-sft-10");
    }

    [Theory]
    [InlineData("swnone", 4, 1)]
    [InlineData("sw8", 4, 1)]
    [InlineData("sw8", 2, 2)]
    public void Ten_dpo_steps_are_those_of_trl(string window, int batch, int accumulation)
    {
        using var golden = new GoldenModel(window);
        var (policy, reference) = (golden.Load("policy"), golden.Load("ref", trainable: false));
        var settings = new DpoSettings(DpoLossSettings.Sigmoid(0.1));
        var objective = new DpoObjective(policy, new FrozenReference(reference, settings, new()), settings, new());
        using var trainer = Trainer(policy, objective, GoldenModel.Pairs(GoldenModel.Inputs.GetProperty("dpo_train")), batch, accumulation);
        Follow(trainer, golden.Numbers.GetProperty("dpo_10_steps"));
        SameWeights(golden, policy, "after-dpo-10");
    }

    internal static Trainer<T> Trainer<T>(MistralForCausalLM model, IObjective<T> objective, IReadOnlyList<T> rows, int batch, int accumulation, double rate = 1e-3) =>
        new(model, objective, new(rows, [], Shuffle: false), new(
            new() { PerDeviceTrainBatchSize = batch, GradientAccumulationSteps = accumulation, NumTrainEpochs = 1 },
            new() { LearningRate = rate, LrSchedulerType = "constant" }, new() { SaveStrategy = "no" }, 0),
            new(new(Path.GetTempPath()), (_, _) => { }), SilentObserver.Instance);

    internal static void Follow<T>(Trainer<T> trainer, JsonElement steps)
    {
        var number = 0;
        foreach (var expected in steps.EnumerateArray())
        {
            var (means, norm) = trainer.TakeStep();
            number++;
            Near.Equal(expected.GetProperty("loss").GetDouble(), means["loss"], 1e-4, $"loss of step {number}");
            Near.Equal(expected.GetProperty("grad_norm").GetDouble(), norm, 1e-4, $"gradient norm of step {number}");
            foreach (var name in means.Keys.Where(name => expected.TryGetProperty(name, out _)))
                Assert.True(Math.Abs(expected.GetProperty(name).GetDouble() - means[name]) <= 1e-4 * Math.Max(1, Math.Abs(means[name])),
                    $"{name} of step {number}: {means[name]}, expected {expected.GetProperty(name).GetDouble()}");
        }
    }

    /// <summary>Within 1e-5 for 99.9 % of the elements and two learning rates for all: Adam's first steps have the size of the rate whatever the gradient.</summary>
    private static void SameWeights(GoldenModel golden, MistralForCausalLM model, string run)
    {
        using var scope = NewDisposeScope();
        var differences = cat([.. model.Parameters.All.Select(entry => (entry.Value.detach() - golden.WeightAfter(run, entry.Key)).abs().flatten())], 0);
        Assert.True(differences.max().item<float>() <= 2e-3, $"the largest difference is {differences.max().item<float>()}");
        var close = (differences <= 1e-5).to_type(ScalarType.Float64).mean().item<double>();
        Assert.True(close >= 0.999, $"only {close:P2} of the weights are within 1e-5");
    }
}
