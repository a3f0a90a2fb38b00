using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Tests.Golden;
using static TorchSharp.torch;

namespace Zephyr.Tests.Model;

/// <summary>The layers' hand-written way back against autograd through the same layers' way forward.</summary>
public class BackwardTests
{
    [Theory]
    [InlineData(4, 4, null, false)]
    [InlineData(4, 2, null, true)]
    [InlineData(4, 1, 5, false)]
    [InlineData(6, 2, 8, true)]
    public void Every_gradient_is_that_of_autograd(int heads, int keyHeads, int? window, bool sharedPrompt)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Create(TinyModel.Config with { NumAttentionHeads = heads, NumKeyValueHeads = keyHeads, SlidingWindow = window, NumHiddenLayers = 3 });
        var batch = sharedPrompt ? SharedPrompt.Of(Pairs).Batch : RaggedBatch.Of([1, 4, 9, 16, 25, 36, 9, 24, 1, 20], [3], [5, 30, 15, 0, 25]);
        var gradient_TD = rand(batch.TokenCount, model.Config.HiddenSize) - 0.5;
        (model.HiddenStates(batch) * gradient_TD).sum().backward();

        foreach (var every in (int[])[0, 1, 2])
        {
            model.Parameters.ClearGradients();
            using var pass = model.Forward(batch, every);
            Near.Equal(model.HiddenStates(batch).detach(), pass.Hidden_TD, 1e-6, "hidden states");
            pass.Backward(gradient_TD);
            foreach (var weight in model.Parameters.Weights.Where(weight => weight.Name != WeightNames.Head))
                Near.Equal(weight.Value.grad!, weight.Gradient!, 1e-5, $"{weight.Name}, recomputing every {every}");
        }
    }

    /// <summary>What a later pass adds is added: twice the same batch is twice the gradient.</summary>
    [Fact]
    public void Gradients_of_passes_add_up()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Create();
        var batch = RaggedBatch.Of([1, 2, 3], [4, 5]);
        void Pass()
        {
            using var pass = model.Forward(batch);
            pass.Backward(ones_like(pass.Hidden_TD));
        }
        Pass();
        var once = model.Parameters.Weights.Where(weight => weight.Gradient is not null).ToDictionary(weight => weight.Name, weight => weight.Gradient!.clone());
        Assert.Equal(model.Parameters.Weights.Select(weight => weight.Name).Where(name => name != WeightNames.Head).Order(), once.Keys.Order());
        Pass();
        foreach (var (name, gradient) in once) Near.Equal(gradient * 2, model.Parameters.Of(name).Gradient!, 1e-6, name);
        model.Parameters.ClearGradients();
        Assert.All(model.Parameters.Weights, weight => Assert.Null(weight.Gradient));
        Pass();
        foreach (var (name, gradient) in once) Near.Equal(gradient, model.Parameters.Of(name).Gradient!, 1e-6, $"{name}, after the memory was used before");
    }

    [Theory]
    [InlineData(0)]
    [InlineData(1)]
    public void An_error_on_the_way_back_is_an_ordinary_exception(int recomputeEvery)
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Create();
        var before = TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (NewDisposeScope())
        using (var pass = model.Forward(RaggedBatch.Of([1, 2, 3]), recomputeEvery))
            Assert.ThrowsAny<Exception>(() => pass.Backward(ones(3, model.Config.HiddenSize + 1)));
        Assert.InRange(TorchSharp.DisposeScopeManager.Statistics.ThreadTotalLiveCount - before, 0, 1);
        Assert.Throws<ArgumentException>(() => model.Parameters.Of(WeightNames.FinalNorm).Add(ones(1)));
    }

    [Fact]
    public void A_frozen_model_takes_no_gradient()
    {
        using var scope = NewDisposeScope();
        using var model = TinyModel.Create();
        model.Parameters.RequireGradients(false);
        using var pass = model.Forward(RaggedBatch.Of([1, 2, 3]));
        pass.Backward(ones_like(pass.Hidden_TD));
        Assert.All(model.Parameters.Weights, weight => Assert.Null(weight.Gradient));
    }

    private static readonly TokenizedPair[] Pairs =
    [
        new(new RowLocation("pairs", 1, false), [1, 5, 9, 2], [3, 4, 8], [7, 6, 5, 4, 3]),
        new(new RowLocation("pairs", 2, false), [1], [30, 31, 32, 33], [12]),
    ];
}
