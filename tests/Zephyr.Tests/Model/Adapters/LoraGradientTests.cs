using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using Zephyr.Tests.Golden;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model.Adapters;

/// <summary>What an adapter adds and its hand-written way back: against autograd, against finite differences, and against the full matrix.</summary>
public class LoraGradientTests
{
    [Theory]
    [InlineData(false, "q_proj", "v_proj")]
    [InlineData(true)]
    [InlineData(false)]
    [InlineData(true, "o_proj")]
    [InlineData(true, "down_proj")]
    [InlineData(false, "gate_proj", "k_proj")]
    public void Every_gradient_is_that_of_autograd(bool sharedPrompt, params string[] modules)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Create(TinyModel.Config with { NumHiddenLayers = 3, SlidingWindow = 5 }).With(TinyAdapter.Config(rslora: sharedPrompt, modules: modules));
        var batch = BatchOf(sharedPrompt);
        var gradient_TD = rand(batch.TokenCount, model.Config.HiddenSize) - 0.5;
        (model.HiddenStates(batch) * gradient_TD).sum().backward();
        foreach (var every in (int[])[0, 1, 2])
        {
            model.Learned.ClearGradients();
            using var pass = model.Forward(batch, every);
            Near.Equal(model.HiddenStates(batch).detach(), pass.Hidden_TD, 1e-6, "hidden states");
            pass.Backward(gradient_TD);
            foreach (var weight in model.Learned.Weights) Near.Equal(weight.Value.grad!, weight.Gradient!, 1e-5, $"{weight.Name}, recomputing every {every}");
        }
        Assert.Equal((modules.Length == 0 ? 7 : modules.Length) * 3 * 2, model.Learned.Weights.Count());
    }

    /// <summary>With dropout, too: the masks are a function of the pass, so that the loss is one of the factors alone.</summary>
    [Theory]
    [InlineData(0.0, 0)]
    [InlineData(0.3, 0)]
    [InlineData(0.3, 1)]
    public void Every_gradient_is_the_slope_of_the_loss(double dropout, int recomputeEvery)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Create(TinyModel.Config with { InitializerRange = 0.3 }).With(TinyAdapter.Config(dropout: dropout));
        var batch = BatchOf(sharedPrompt: true);
        var gradient_TD = rand(batch.TokenCount, model.Config.HiddenSize) - 0.5;
        double Loss()
        {
            using var inner = NewDisposeScope();
            model.Dropout.Begin(seed: 7, step: 3, microBatch: 2);
            using var pass = model.Forward(batch, recomputeEvery);
            return (pass.Hidden_TD.to_type(ScalarType.Float64) * gradient_TD.to_type(ScalarType.Float64)).sum().item<double>();
        }
        model.Dropout.Begin(seed: 7, step: 3, microBatch: 2);
        using (var pass = model.Forward(batch, recomputeEvery)) pass.Backward(gradient_TD);
        foreach (var weight in model.Learned.Weights)
        {
            // Along the gradient itself the slope is its length.
            using var direction = weight.Gradient! / weight.Gradient!.norm();
            const double step = 2e-3;
            double At(double distance)
            {
                using (no_grad()) weight.Value.add_(direction * distance);
                var loss = Loss();
                using (no_grad()) weight.Value.sub_(direction * distance);
                return loss;
            }
            var slope = (8 * (At(step) - At(-step)) - (At(2 * step) - At(-2 * step))) / (12 * step);
            Assert.Equal(weight.Gradient!.norm().item<float>(), slope, 2e-2 * Math.Abs(slope) + 2e-3);
        }
    }

    /// <summary>
    /// With A A^T = 1 / s^2 on the rows that A has, and gradient G of the full matrix: d loss / d B = s G A^T, so that B - rate s G A^T moves the product by
    /// s B A: -rate s^2 G A^T A. A square orthogonal A gives A^T A = 1, and with s = 1 the product moves as the full matrix would.
    /// </summary>
    [Fact]
    public void With_an_orthogonal_A_a_step_on_B_moves_the_product_as_the_full_matrix()
    {
        using var scope = NewDisposeScope();
        var batch = BatchOf(sharedPrompt: false);
        var config = TinyModel.Config;
        using var full = TinyModel.Create();
        using var adapted = TinyModel.Create();
        var lora = TinyAdapter.Config(r: config.HiddenSize, alpha: config.HiddenSize, modules: ["q_proj", "k_proj", "v_proj", "gate_proj", "up_proj"]);
        adapted.Attach(LoraAdapter.Fresh(lora, config, 5, CPU));
        foreach (var (module, _) in lora.ModulesOf(config))
            using (no_grad()) adapted.Learned[LoraConfig.FactorName(module, "A")].copy_(linalg.qr(rand(config.HiddenSize, config.HiddenSize) - 0.5).Q);
        var gradient_TD = rand(batch.TokenCount, config.HiddenSize) - 0.5;
        foreach (var model in new[] { full, adapted })
            using (var pass = model.Forward(batch)) pass.Backward(gradient_TD);
        const double rate = 0.1;
        foreach (var (module, _) in lora.ModulesOf(config))
        {
            var (a, b) = (adapted.Learned.Of(LoraConfig.FactorName(module, "A")), adapted.Learned.Of(LoraConfig.FactorName(module, "B")));
            var moved = (b.Value - b.Gradient! * rate).matmul(a.Value);
            Near.Equal(full.Parameters.Of($"{module}.weight").Gradient! * -rate, moved, 1e-5, module);
        }
    }

    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void Nothing_but_the_adapter_takes_a_gradient_or_room_for_one(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        using var model = FreshModel.Create(TinyModel.Config, 7, CPU, dtype).With(TinyAdapter.Config());
        using (var pass = model.Forward(BatchOf(sharedPrompt: true))) pass.Backward(ones_like(pass.Hidden_TD));
        Assert.All(model.Parameters.Weights, weight => Assert.True(weight is { Learns: false, Gradient: null, HasRoom: false } && weight.Value.dtype == dtype));
        Assert.All(model.Learned.Weights, weight => Assert.True(weight is { Learns: true, HasRoom: true } && weight.Value.dtype == ScalarType.Float32
            && weight.Gradient!.dtype == ScalarType.Float32));
    }

    private static RaggedBatch BatchOf(bool sharedPrompt) =>
        sharedPrompt ? SharedPrompt.Of(Pairs).Batch : RaggedBatch.Of([1, 4, 9, 16, 25, 36, 9, 24, 1, 20], [3], [5, 30, 15, 0, 25]);

    private static readonly TokenizedPair[] Pairs =
    [
        new(new RowLocation("pairs", 1, false), [1, 5, 9, 2], [3, 4, 8], [7, 6, 5, 4, 3]),
        new(new RowLocation("pairs", 2, false), [1], [30, 31, 32, 33], [12]),
    ];
}
