using TorchSharp;
using Zephyr.Runtime;
using Zephyr.Tests.Golden;
using static TorchSharp.torch;
using static TorchSharp.torch.nn.functional;

namespace Zephyr.Tests.Runtime;

/// <summary>Operators that are reached through TorchScript, each against what TorchSharp binds: a script that does not compile would end the process.</summary>
public class TorchOpsTests
{
    [Fact]
    public void The_gradient_of_silu_is_that_of_autograd()
    {
        using var scope = NewDisposeScope();
        var (x, gradient) = ((rand(7, 5) - 0.5) * 8, rand(7, 5));
        var leaf = x.clone().requires_grad_(true);
        (silu(leaf) * gradient).sum().backward();
        TorchOps.SiluBackward(gradient, x);
        Near.Equal(leaf.grad!, gradient, 1e-6, "d silu");
    }

    [Fact]
    public void Norms_of_rows_are_roots_of_sums_of_squares()
    {
        using var scope = NewDisposeScope();
        var x = rand(9, 700) - 0.5;
        Near.Equal((x * x).sum([1], keepdim: true).sqrt(), TorchOps.RowNorms(x), 1e-6, "norms");
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(7, 64)]
    [InlineData(300, 4097)]
    public void The_norm_of_each_row_is_the_bound_ones_bit_for_bit(int rows, int width)
    {
        using var scope = NewDisposeScope();
        var x = (rand(rows, width) - 0.5) * 60;
        Assert.True(linalg.vector_norm(x, 2, [-1], keepdim: true).equal(TorchOps.RowNorms(x)).all().item<bool>());
    }

    [Theory]
    [InlineData(1, 1)]
    [InlineData(3, 7)]
    [InlineData(40, 1000)]
    [InlineData(5, 32000)]
    public void Log_softmax_in_place_is_that_of_a_second_buffer(int rows, int vocabulary)
    {
        using var scope = NewDisposeScope();
        var logits = (rand(rows, vocabulary) - 0.5) * 60;
        var expected = log_softmax(logits, 1);
        TorchOps.LogSoftmax(logits);
        Assert.True(expected.equal(logits).all().item<bool>());
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(9)]
    public void Norms_are_each_tensors_own(int count)
    {
        using var scope = NewDisposeScope();
        var tensors = Enumerable.Range(1, count).Select(i => rand(i, 3)).ToList();
        var norms = TorchOps.Norms(tensors);
        Assert.Equal(count, norms.Length);
        foreach (var (tensor, norm) in tensors.Zip(norms)) Near.Equal(tensor.norm(), norm, 1e-6, "norm");
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(9)]
    [InlineData(80)]
    [InlineData(300)]
    public void Lists_are_updated_like_single_tensors(int count)
    {
        using var scope = NewDisposeScope();
        Tensor[] List() => [.. Enumerable.Range(1, count).Select(i => rand(i, 40))];
        var (weights, gradients, averages, squares) = (List(), List(), List(), List());
        var expected = weights.Zip(gradients, averages).Zip(squares, (three, square) =>
        {
            var g = three.Second / 4;
            var m = 0.9 * three.Third + 0.1 * g;
            var v = 0.95 * square + 0.05 * g * g;
            return three.First * (1 - 0.01 * 0.1) - 0.01 * (m / (1 - Math.Pow(0.9, 3))) / ((v / (1 - Math.Pow(0.95, 3))).sqrt() + 1e-6);
        }).ToList();
        var step = tensor(3f);
        TorchOps.AdamW(new(weights, gradients, averages, squares, [.. weights.Select(_ => step)]), new(0.01, 0.1, 0.9, 0.95, 1e-6), tensor(4f));
        foreach (var (updated, plain) in weights.Zip(expected)) Near.Equal(plain, updated, 1e-6, "weight");
    }

    [Fact]
    public void Nothing_stays_behind()
    {
        using (NewDisposeScope()) Call();
        var before = DisposeScopeManager.Statistics.ThreadTotalLiveCount;
        using (NewDisposeScope()) Call();
        Assert.Equal(before, DisposeScopeManager.Statistics.ThreadTotalLiveCount);

        static void Call()
        {
            var x = rand(3, 4);
            TorchOps.LogSoftmax(x);
            TorchOps.SiluBackward(rand(3, 4), x);
            TorchOps.Norms([x]);
            TorchOps.RowNorms(x);
            TorchOps.AdamW(new([x], [rand(3, 4)], [rand(3, 4)], [rand(3, 4)], [tensor(1f)]), new(0.1, 0, 0.9, 0.9, 1e-8), tensor(1f));
        }
    }
}
