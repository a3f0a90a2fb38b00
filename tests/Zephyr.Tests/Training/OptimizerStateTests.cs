using Zephyr.Configuration;
using Zephyr.Model;
using Zephyr.Runtime;
using Zephyr.Training;
using static TorchSharp.torch;

namespace Zephyr.Tests.Training;

/// <summary>Where the optimizer's state lives changes no bit, and moments of bf16 stay right on average.</summary>
public class OptimizerStateTests
{
    private const int Piece = 64;

    /// <summary>Shapes that a piece of 64 cuts in every way: less than one, one, several, and an end of each length modulo the vector's.</summary>
    private static readonly long[][] Shapes = [[1], [15], [64], [65], [7, 19], [16, 33], [40, 40]];

    [Theory]
    [InlineData("adamw_torch", false)]
    [InlineData("adamw_torch", true)]
    [InlineData("rmsprop", false)]
    [InlineData("rmsprop", true)]
    public void State_on_the_host_gives_the_bits_of_state_on_the_device(string optim, bool bf16)
    {
        var options = new OptimizerOptions { Optim = optim, WeightDecay = 0.1 };
        var device = Run(options, bf16, Piece);
        Assert.Equal(device, Run(options with { OptimStateDevice = "host" }, bf16, Piece));
        Assert.Equal(device, Run(options with { OptimStateDevice = "host" }, bf16, Optimizer.Piece));
    }

    [Theory]
    [InlineData("adamw_torch", false)]
    [InlineData("adamw_torch", true)]
    [InlineData("rmsprop", true)]
    public void Moments_of_bf16_depend_on_seed_and_step_and_on_no_cut(string optim, bool bf16)
    {
        var options = new OptimizerOptions { Optim = optim, WeightDecay = 0.1, OptimStateDtype = "bfloat16" };
        var whole = Run(options, bf16, Optimizer.Piece);
        Assert.Equal(whole, Run(options, bf16, Piece));
        Assert.Equal(whole, Run(options with { OptimStateDevice = "host" }, bf16, Piece));
        Assert.NotEqual(whole, Run(options, bf16, Piece, seed: 43));
        Assert.NotEqual(whole, Run(options with { OptimStateDtype = "float32" }, bf16, Piece));
    }

    /// <summary>
    /// With beta2 = 0.999 a step takes v down by a thousandth at most, and half a unit of bf16's last place is two to four thousandths of it: to the nearest, v never falls again.
    /// </summary>
    [Fact]
    public void The_second_moment_falls_as_it_should_where_rounding_to_the_nearest_would_hold_it()
    {
        const int Count = 4096, Steps = 700;
        using var scope = NewDisposeScope();
        using var parameters = Parameters(("w.weight", zeros(Count)));
        using var optimizer = new AdamW(parameters, new() { OptimStateDtype = "bfloat16" });
        var nearest = ones(1, ScalarType.BFloat16);
        parameters.Of("w.weight").Add(full([Count], MathF.Sqrt(1000)));
        optimizer.Step(1, 1e-9);
        parameters.ClearGradients();
        for (var step = 0; step < Steps; step++)
        {
            parameters.Of("w.weight").Add(zeros(Count));
            optimizer.Step(1, 1e-9);
            parameters.ClearGradients();
            nearest = (nearest.to_type(ScalarType.Float32) * 0.999).to_type(ScalarType.BFloat16);
        }
        Assert.Equal(1, nearest.to_type(ScalarType.Float32).item<float>());
        var v = optimizer.StateTensors.Single(entry => entry.Key == "exp_avg_sq.w.weight").Value;
        Assert.Equal(ScalarType.BFloat16, v.dtype);
        var exact = Math.Pow(0.999, Steps);
        var mean = v.to_type(ScalarType.Float64).mean().item<double>();
        // One number strays by some 4 % (a step adds up to half a unit of 2^-8 at random, and 500 steps are remembered); the mean of 4096 by a 64th of that.
        Assert.InRange(mean, exact * 0.997, exact * 1.003);
        Assert.InRange(v.to_type(ScalarType.Float64).std().item<double>() / mean, 0.005, 0.08);
    }

    [Fact]
    public void Weights_trained_with_moments_of_bf16_go_where_exact_ones_lead()
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(3, CPU);
        using ParameterSet exact = Parameters(("w.weight", zeros(2000))), rounded = Parameters(("w.weight", zeros(2000)));
        using var ours = new AdamW(rounded, new() { OptimStateDtype = "bfloat16" });
        using var theirs = new AdamW(exact, new());
        // A pull of a tenth of the noise, as the gradients of single batches have it.
        var pull = empty(2000).normal_(0, 1e-5, generator);
        for (var step = 0; step < 500; step++)
        {
            var gradient = empty(2000).normal_(0, 1e-4, generator) + pull;
            foreach (var (parameters, optimizer) in new[] { (exact, (Optimizer)theirs), (rounded, ours) })
            {
                parameters.Of("w.weight").Add(gradient);
                optimizer.Step(1, 5e-7);
                parameters.ClearGradients();
            }
        }
        var (a, b) = (exact["w.weight"].detach(), rounded["w.weight"].detach());
        var apart = ((b - a).norm() / a.norm()).item<float>();
        // Measured 0.7 %: rounding is another noise in moments that are sums over noisy gradients anyway.
        Assert.InRange(apart, 1e-6, 0.02);
    }

    [Fact]
    public void Random_rounding_takes_a_neighbour_and_the_mean_is_the_number()
    {
        using var scope = NewDisposeScope();
        foreach (var (below, above, share) in new[] { (1f, 1.0078125f, 0.25f), (-2f, -2.015625f, 0.7f), (0.998046875f - 0.001953125f, 1f, 0.5f), (1f, 0.99609375f, 0.125f), (-1.9921875f, -2f, 0.5f), (0f, 9.18355e-41f, 0.75f) })
        {
            var x = full([1 << 16], below + (above - below) * share);
            var rounded = Rounded(x, 12345);
            Assert.Equal(1, ((rounded == above) | (rounded == below)).to_type(ScalarType.Float32).mean().item<float>());
            Assert.Equal(share, (rounded == above).to_type(ScalarType.Float32).mean().item<float>(), 0.01); // Five standard deviations of 65536 draws.
        }
    }

    [Fact]
    public void Random_rounding_leaves_what_bf16_holds_and_pieces_are_rounded_as_the_whole()
    {
        using var scope = NewDisposeScope();
        var held = cat([zeros(1), rand(1000) - 0.5, tensor(new[] { 9.18355e-41f, 1e-38f, -1e30f, 65536f })]).to_type(ScalarType.BFloat16).to_type(ScalarType.Float32);
        Assert.True(Rounded(held, 99, 7).equal(held).all().item<bool>());

        var x = rand(1000) - 0.5;
        var whole = Rounded(x, ulong.MaxValue);
        Assert.True(whole.equal(cat([.. new[] { 0, 300, 600, 900 }.Select(begin => Rounded(x.narrow(0, begin, Math.Min(300, 1000 - begin)), ulong.MaxValue, begin))])).all().item<bool>());
        Assert.True(((whole - x).abs() <= x.abs() / 128).all().item<bool>());
        // Two keys are two throws, which differ with the chance 2 p (1 - p): a third where p is anything.
        Assert.InRange((Rounded(x, 1) != whole).to_type(ScalarType.Float32).mean().item<float>(), 0.27f, 0.40f);
    }

    /// <summary>As a GPU draws, in several pieces.</summary>
    [Fact]
    public void A_generators_draws_round_as_often_to_either_side_as_they_ought_to()
    {
        using var scope = NewDisposeScope();
        var x = full([300_000], 1 + 1 / 512.0);
        var target = empty(x.shape, ScalarType.BFloat16);
        DeviceRandom.RoundByGenerator(target, x, 5, 0);
        var rounded = target.to_type(ScalarType.Float32);
        Assert.True(((rounded == 1) | (rounded == 1.0078125)).all().item<bool>());
        Assert.Equal(0.25, (rounded > 1).to_type(ScalarType.Float32).mean().item<float>(), 0.005); // Six standard deviations.
    }

    /// <summary>Every number of bf16 from 1 to 4, and what lies a third of the way to either neighbour: a neighbour is what it is rounded to.</summary>
    [Fact]
    public void Neighbours_are_next_to_each_other_all_the_way()
    {
        using var scope = NewDisposeScope();
        var ladder = cat([arange(128, 256) / 128, arange(128, 257) / 64]).to_type(ScalarType.Float32);
        var gaps = ladder.narrow(0, 1, 256) - ladder.narrow(0, 0, 256);
        foreach (var sign in new[] { 1, -1 })
            foreach (var key in new ulong[] { 1, 2, 3 })
            {
                var x = (ladder.narrow(0, 0, 256) + gaps / 3) * sign;
                var rounded = Rounded(x, key) * sign;
                Assert.True(((rounded == ladder.narrow(0, 0, 256)) | (rounded == ladder.narrow(0, 1, 256))).all().item<bool>());
            }
    }

    private static Tensor Rounded(Tensor x, ulong key, long begin = 0)
    {
        var target = empty(x.shape, ScalarType.BFloat16);
        TorchOps.RoundToBfloat16(target, x, key, begin);
        return target.to_type(ScalarType.Float32);
    }

    /// <summary>Weights, master copies and averages after twelve steps, as bytes.</summary>
    private static Dictionary<string, byte[]> Run(OptimizerOptions options, bool bf16, int piece, long seed = 42)
    {
        using var scope = NewDisposeScope();
        using var generator = new Generator(5, CPU);
        using var parameters = Parameters([.. Shapes.Select((shape, i) => ($"{i}.{(i == 3 ? "norm" : "up_proj")}.weight", empty(shape).normal_(0, 0.02, generator)
            .to_type(bf16 ? ScalarType.BFloat16 : ScalarType.Float32)))]);
        using Optimizer optimizer = options.Optim == "rmsprop" ? new RmsProp(parameters, options, seed, piece) : new AdamW(parameters, options, seed, piece);
        for (var step = 1; step <= 12; step++)
        {
            // One weight goes without a gradient now and then.
            foreach (var (i, weight) in parameters.Weights.Index().Where(entry => (entry.Index + step) % 5 > 0)) weight.Add(empty(weight.Value.shape).normal_(0, 1e-3, generator));
            optimizer.Step(0.5, 1e-3 / step);
            parameters.ClearGradients();
        }
        return optimizer.StateTensors.Concat(parameters.All).ToDictionary(entry => entry.Key, entry => entry.Value.detach().bytes.ToArray());
    }

    private static ParameterSet Parameters(params (string Name, Tensor Value)[] all)
    {
        var parameters = new ParameterSet();
        foreach (var (name, value) in all) parameters.Add(name, value);
        return parameters.RequireGradients(true);
    }
}
