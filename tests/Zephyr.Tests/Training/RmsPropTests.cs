using Zephyr.Configuration;
using Zephyr.Model;
using Zephyr.Tests.Golden;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training;

public class RmsPropTests
{
    private const string Weight = "model.layers.0.mlp.up_proj.weight", Norm = "model.norm.weight";

    /// <summary>
    /// PyTorch's own figures, printed as it holds them (float32): torch.optim.RMSprop([w], lr=0.01, weight_decay=0.1), w.grad = g (1 - 0.3 i) in step i.
    /// </summary>
    [Fact]
    public void Five_steps_are_those_of_pytorch()
    {
        using var scope = NewDisposeScope();
        using var parameters = Parameters(tensor(new[] { 0.5f, -0.25f, 0.125f, 1 }));
        using var optimizer = new RmsProp(parameters, new() { WeightDecay = 0.1 });
        float[][] expected =
        [
            [0.40000003576278687f, -0.15000003576278687f, 0.025000162422657013f, 1.100000023841858f],
            [0.3416828513145447f, -0.0930761843919754f, -0.026639558374881744f, 1.155936598777771f],
            [0.30769118666648865f, -0.061769694089889526f, -0.04997043311595917f, 1.1837631464004517f],
            [0.29434552788734436f, -0.052586186677217484f, -0.049974434077739716f, 1.1855885982513428f],
            [0.30107659101486206f, -0.06474481523036957f, -0.029997913166880608f, 1.1619915962219238f],
        ];
        foreach (var (i, weights) in expected.Index())
        {
            parameters.ClearGradients();
            parameters.Of(Weight).Add(tensor(new[] { 0.3f, -0.2f, 0.05f, -1.5f }) * (1 - 0.3f * i));
            optimizer.Step(1, 0.01);
            Near.Equal(tensor(weights), parameters[Weight], 1e-6, $"weights after step {i + 1}");
        }
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.1)]
    public void Twenty_steps_are_those_of_libtorch_with_no_decay_on_norms(double decay)
    {
        using var scope = NewDisposeScope();
        var start = rand(6, 5) - 0.5;
        using var parameters = Parameters(start.clone(), start.clone());
        using var ours = new RmsProp(parameters, new() { WeightDecay = decay });
        var decayed = new TorchSharp.Modules.Parameter(start.clone());
        var kept = new TorchSharp.Modules.Parameter(start.clone());
        using var torchDecayed = optim.RMSProp([decayed], 1, weight_decay: decay);
        using var torchKept = optim.RMSProp([kept], 1);
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

    [Theory]
    [InlineData("adamw_torch", "AdamW", null)]
    [InlineData("adamw_torch_fused", "AdamW", null)]
    [InlineData("adamw_hf", "AdamW", "optim: adamw_hf runs as adamw_torch: decay and epsilon enter as torch has them")]
    [InlineData("paged_adamw", "AdamW", "optim: paged_adamw runs as adamw_torch: its moments stay on the device: nothing is paged (optim_state_device: host keeps them in host memory)")]
    [InlineData("paged_adamw_32bit", "AdamW", "optim: paged_adamw_32bit runs as adamw_torch: its moments stay on the device: nothing is paged (optim_state_device: host keeps them in host memory)")]
    [InlineData("rmsprop", "RmsProp", null)]
    public void A_name_leads_to_its_formula_and_says_what_it_does_not_keep(string name, string formula, string? note)
    {
        using var parameters = Parameters(ones(1));
        var options = new OptimizerOptions { Optim = name, LearningRate = 1 };
        using var optimizer = Optimizer.Create(parameters, options, seed: 0);
        Assert.Equal(formula, optimizer.GetType().Name);
        Assert.Equal(note, options.Note);
        Assert.Equal(name.StartsWith("paged", StringComparison.Ordinal) ? null : note, (options with { OptimStateDevice = "host" }).Note);
        Assert.Empty(options.Validate());
    }

    private static ParameterSet Parameters(Tensor weight, Tensor? norm = null)
    {
        var parameters = new ParameterSet();
        parameters.Add(Weight, weight);
        if (norm is not null) parameters.Add(Norm, norm);
        return parameters.RequireGradients(true);
    }
}
