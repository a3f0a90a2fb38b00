using Zephyr.Configuration;
using Zephyr.Model;
using Zephyr.Tests.Golden;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training;

public class AdamWTests
{
    private const string Weight = "model.layers.0.mlp.up_proj.weight", Norm = "model.norm.weight";

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.1)]
    public void Twenty_steps_are_those_of_torch_with_no_decay_on_norms(double decay)
    {
        using var scope = NewDisposeScope();
        var start = rand(6, 5) - 0.5;
        var options = new OptimizerOptions { WeightDecay = decay, AdamBeta1 = 0.8, AdamBeta2 = 0.95, AdamEpsilon = 1e-6 };
        using var parameters = Parameters((Weight, start.clone()), (Norm, start.clone()));
        using var ours = new AdamW(parameters, options);
        var decayed = new TorchSharp.Modules.Parameter(start.clone());
        var kept = new TorchSharp.Modules.Parameter(start.clone());
        using var torchDecayed = optim.AdamW([decayed], 1, options.AdamBeta1, options.AdamBeta2, options.AdamEpsilon, decay);
        using var torchKept = optim.AdamW([kept], 1, options.AdamBeta1, options.AdamBeta2, options.AdamEpsilon, 0);
        for (var step = 1; step <= 20; step++)
        {
            var rate = 0.1 / step;
            var gradient = rand(6, 5) - 0.4;
            foreach (var weight in parameters.Weights)
            {
                weight.ClearGradient();
                weight.Add(gradient * 4);
            }
            ours.Step(0.25, rate);
            foreach (var (parameter, optimizer) in new[] { (decayed, torchDecayed), (kept, torchKept) })
            {
                parameter.grad = gradient.clone();
                foreach (var group in optimizer.ParamGroups) group.LearningRate = rate;
                optimizer.step();
            }
            Near.Equal(decayed, parameters[Weight], 1e-6, $"weight after step {step}");
            Near.Equal(kept, parameters[Norm], 1e-6, $"norm weight after step {step}");
        }
    }

    [Fact]
    public void Norms_are_told_by_their_names()
    {
        string[] norms = [.. TinyTraining.Shape.Weights.Where(weight => weight.Shape.Length == 1).Select(weight => weight.Name)];
        Assert.Equal(norms, TinyTraining.Shape.Weights.Select(weight => weight.Name).Where(WeightNames.IsNorm));
    }

    /// <summary>At dDPO's rate a bf16 weight alone stays where it is for ever: half a unit in its last place is 6e-5.</summary>
    [Fact]
    public void A_bf16_weight_moves_at_the_rate_of_ddpo()
    {
        using var scope = NewDisposeScope();
        using var parameters = Parameters((Weight, full(1, 0.02f, ScalarType.BFloat16)));
        using var optimizer = new AdamW(parameters, new());
        for (var step = 0; step < 1000; step++)
        {
            parameters.Of(Weight).Add(ones(1, ScalarType.BFloat16));
            optimizer.Step(1, 5e-7);
            parameters.ClearGradients();
        }
        var start = full(1, 0.02f, ScalarType.BFloat16).to_type(ScalarType.Float32).item<float>();
        var master = optimizer.MasterWeights.Single().Value;
        Assert.Equal(start - 5e-4, master.item<float>(), 1e-6);
        Assert.Equal(master.to_type(ScalarType.BFloat16).to_type(ScalarType.Float32).item<float>(), parameters[Weight].to_type(ScalarType.Float32).item<float>());
        Assert.True(parameters[Weight].to_type(ScalarType.Float32).item<float>() < start);
    }

    /// <summary>
    /// The same with gradients such as dDPO has: of size 1e-6, more noise than pull, clipped, at a rate that rises to 5e-7 and falls. Whatever bf16 weights do, their
    /// master copies are the weights of an fp32 run, bit for bit, and the weights their rounding.
    /// </summary>
    [Fact]
    public void A_thousand_steps_of_ddpo_move_bf16_weights_as_they_move_fp32_ones()
    {
        const int Count = 512, Steps = 1000;
        using var scope = NewDisposeScope();
        using var generator = new Generator(11, CPU);
        var start = empty(Count).normal_(0, 0.02, generator).to_type(ScalarType.BFloat16);
        start[0] = 0.02f;
        var pull = empty(Count).normal_(0, 1e-6, generator);
        using ParameterSet single = Parameters((Weight, start.to_type(ScalarType.Float32))), half = Parameters((Weight, start.clone()));
        using AdamW exact = new(single, new()), rounded = new(half, new());
        var alone = start.clone();
        var schedule = new LearningRateSchedule(new() { LearningRate = 5e-7, LrSchedulerType = "linear", WarmupRatio = 0.1 }, Steps);
        for (var step = 1; step <= Steps; step++)
        {
            var gradient = empty(Count).normal_(0, 2e-6, generator) + pull;
            var before = single[Weight].detach().clone();
            foreach (var (parameters, optimizer) in new[] { (single, exact), (half, rounded) })
            {
                parameters.Of(Weight).Add(gradient);
                optimizer.Step(Math.Min(1, 1 / gradient.norm().item<float>()), schedule.At(step));
                parameters.ClearGradients();
            }
            alone = (alone.to_type(ScalarType.Float32) + (single[Weight].detach() - before)).to_type(ScalarType.BFloat16);
        }
        var master = rounded.MasterWeights.Single().Value;
        Assert.True(master.equal(single[Weight]).all().item<bool>());
        Assert.True(master.to_type(ScalarType.BFloat16).equal(half[Weight]).all().item<bool>());
        // Without a master copy a weight of 0.02 and all of its size and above are where they were.
        var large = start.abs() >= 0.01f;
        Assert.True(alone.equal(start)[large].all().item<bool>());
        Assert.NotEqual(0.02f, half[Weight][0].to_type(ScalarType.Float32).item<float>(), 5e-5f);
        Assert.InRange((half[Weight] != start)[large].to_type(ScalarType.Float32).mean().item<float>(), 0.3f, 1);
    }

    private static ParameterSet Parameters(params (string Name, Tensor Value)[] all)
    {
        var parameters = new ParameterSet();
        foreach (var (name, value) in all) parameters.Add(name, value);
        return parameters.RequireGradients(true);
    }
}
