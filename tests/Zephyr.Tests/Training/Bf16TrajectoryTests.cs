using Zephyr.Model;
using Zephyr.Objectives;
using Zephyr.Tests.Data.Sources;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training;

/// <summary>The master weights of a bf16 run go where those of an fp32 run go, as near as bf16's gradients say.</summary>
public sealed class Bf16TrajectoryTests : IDisposable
{
    private const int Steps = 50;
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    /// <summary>
    /// Where the bounds come from: a number of bf16 is right to 2^-9, and on its way a gradient passes some forty roundings in two layers forward and back, which add up like a random
    /// walk to 40^(1/2) 2^-9 = 1.2 %: the first gradient is compared with twice that. AdamW's first step is rate x sign(gradient), so that the weights whose gradient is within the noise of 0 part by
    /// twice the rate: a share p of them makes 2 p^(1/2) of the step's length (measured 13 %: p = 0.4 %). Later steps average gradients, signs no longer flip, and what is left is the gradients' own
    /// noise, twice over as it is relative to each weight's own size: measured 2 to 3 % of the way, bound 5 %.
    /// </summary>
    [Theory]
    [InlineData("sft")]
    [InlineData("dpo")]
    public void Master_weights_stay_near_those_of_fp32_over_fifty_steps(string stage)
    {
        using var scope = NewDisposeScope();
        var (exact, rounded) = (Trajectory(stage, ScalarType.Float32), Trajectory(stage, ScalarType.BFloat16));
        Assert.InRange(Apart(rounded.Gradient, exact.Gradient, zeros_like(exact.Gradient)), 1e-4, 0.024);
        var start = exact.Weights[0];
        Assert.True(start.equal(rounded.Weights[0]).all().item<bool>());
        // The first step is taken with the rate 0, as in transformers.
        Assert.InRange(Apart(rounded.Weights[2], exact.Weights[2], start), 0, 0.2);
        for (var step = 5; step <= Steps; step++) Assert.InRange(Apart(rounded.Weights[step], exact.Weights[step], start), 1e-4, 0.05);
        // And no single weight goes astray: the rates of all steps come to 0.27, and most weights have moved by half of that.
        Assert.InRange((rounded.Weights[Steps] - exact.Weights[Steps]).abs().max().item<double>(), 1e-4, 0.05);
    }

    /// <summary>Distance of two, as a share of the way that the exact one has gone.</summary>
    private static double Apart(Tensor rounded, Tensor exact, Tensor start) => ((rounded - exact).norm() / (exact - start).norm()).item<double>();

    private (Tensor Gradient, List<Tensor> Weights) Trajectory(string stage, ScalarType dtype)
    {
        using var start = TinyTraining.Model(ScalarType.BFloat16);
        using var model = Copy(start, dtype, trainable: true);
        using var reference = Copy(start, dtype, trainable: false);
        return stage == "sft"
            ? Trajectory(model, new SftObjective(model, new()), TinyTraining.Sequences(8))
            : Trajectory(model, TinyTraining.Dpo(model, reference), TinyTraining.Pairs(8));
    }

    private (Tensor Gradient, List<Tensor> Weights) Trajectory<T>(MistralForCausalLM model, IObjective<T> objective, List<T> rows)
    {
        List<Tensor> all = [Flat(model.Parameters.All)];
        objective.AccumulateGradients(rows, objective.TotalsOf(rows));
        var gradient = Flat(model.Parameters.Weights.Select(weight => KeyValuePair.Create(weight.Name, weight.Gradient!)));
        model.Parameters.ClearGradients();
        TrainerOutput output = new(new(_folder.Path), (_, master) => all.Add(Flat(master)));
        using var trainer = new Trainer<T>(model, objective, new(rows, []), TinyTraining.Options(epochs: Steps, batch: 4), output, SilentObserver.Instance);
        for (var step = 0; step < Steps; step++)
        {
            trainer.TakeStep();
            trainer.WriteCheckpoint(_folder.Path);
        }
        return (gradient, all);
    }

    private static Tensor Flat(IEnumerable<KeyValuePair<string, Tensor>> weights) =>
        cat([.. weights.Select(entry => entry.Value.detach().to_type(ScalarType.Float64).reshape(-1))]);

    private static MistralForCausalLM Copy(MistralForCausalLM model, ScalarType dtype, bool trainable)
    {
        var parameters = new ParameterSet();
        foreach (var (name, weight) in model.Parameters.All) parameters.Add(name, weight.detach().clone().to_type(dtype));
        return new(model.Config, parameters.RequireGradients(trainable));
    }
}
