using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Tests.Runtime;

/// <summary>Looks at the generator of the whole process, so nothing else may draw beside it.</summary>
[CollectionDefinition(nameof(KeepMaskTests), DisableParallelization = true)]
[Collection(nameof(KeepMaskTests))]
public class KeepMaskTests
{
    [Theory]
    [InlineData(ScalarType.Float32)]
    [InlineData(ScalarType.BFloat16)]
    public void A_mask_is_a_function_of_its_seed_and_leaves_no_trace(ScalarType dtype)
    {
        using var scope = NewDisposeScope();
        var like = empty(200, 300, dtype: dtype);
        var before = random.get_rng_state();
        var mask = TorchOps.KeepMask(like, 0.9, 7);
        Assert.Equal((dtype, 200L, 300L), (mask.dtype, mask.shape[0], mask.shape[1]));
        Assert.True(mask.eq(0).logical_or(mask.eq(1)).all().item<bool>());
        Assert.Equal(0.9, mask.to_type(ScalarType.Float64).mean().item<double>(), 0.01);
        Assert.True(mask.equal(TorchOps.KeepMask(like, 0.9, 7)).all().item<bool>());
        Assert.False(mask.equal(TorchOps.KeepMask(like, 0.9, 8)).all().item<bool>());
        Assert.True(before.equal(random.get_rng_state()).all().item<bool>());
    }

    /// <summary>Seeds that differ in either half, and places on both sides of a piece, have draws of their own: two masks agree as often as chance has it.</summary>
    [Theory]
    [InlineData(1UL)]
    [InlineData(1UL << 32)]
    [InlineData(1UL << 63)]
    public void Masks_of_two_seeds_agree_by_chance_only(ulong other)
    {
        using var scope = NewDisposeScope();
        var like = empty(2, 1 << 17);
        Tensor a = TorchOps.KeepMask(like, 0.5, 0), b = TorchOps.KeepMask(like, 0.5, other);
        Assert.Equal(0.5, Mean(a.eq(b)), 0.006); // Six standard deviations of 2^18 draws.
        Assert.Equal(0.5, Mean(a[0].eq(a[1])), 0.009);
        Assert.Equal(0.5, Mean(a[0].narrow(0, 1, 1000).eq(a[0].narrow(0, 0, 1000))), 0.1);
    }

    [Fact]
    public void A_share_of_one_keeps_all_and_of_none_nothing()
    {
        using var scope = NewDisposeScope();
        var like = empty(300);
        Assert.Equal((1.0, 0.0), (Mean(TorchOps.KeepMask(like, 1, 5)), Mean(TorchOps.KeepMask(like, 0, 5))));
    }

    private static double Mean(Tensor x) => x.to_type(ScalarType.Float64).mean().item<double>();
}
