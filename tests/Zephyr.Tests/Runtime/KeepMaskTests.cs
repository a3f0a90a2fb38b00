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
}
