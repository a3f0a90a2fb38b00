using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Tests.Runtime;

/// <summary>Counts of the whole process: nothing else may run beside these.</summary>
[CollectionDefinition(nameof(CountedMemory), DisableParallelization = true)]
public sealed class CountedMemory;

[Collection(nameof(CountedMemory))]
public class TensorMemoryTests
{
    public TensorMemoryTests()
    {
        // What other tests have left to the collector goes now.
        GC.Collect();
        GC.WaitForPendingFinalizers();
    }

    [Fact]
    public void Tensors_are_counted_as_they_come_and_go()
    {
        Assert.True(TensorMemory.IsCounted);
        var before = TensorMemory.InUse;
        TensorMemory.ForgetPeak();
        using (var large = zeros(1000, 1000))
        {
            Assert.Equal(4_001_792, TensorMemory.InUse - before); // Whole pages.
            Assert.Equal(0, large.sum().item<float>());
            using (var other = ones(500, 1000)) Assert.Equal(500_000, other.sum().item<float>());
            using var small = ones(1000); // Not counted.
        }
        Assert.Equal((0, 4_001_792 + 2_002_944), (TensorMemory.InUse - before, TensorMemory.Peak - before));
    }

    [Fact]
    public void More_than_there_can_be_is_refused_by_libtorch_itself()
    {
        var before = TensorMemory.InUse;
        var error = Assert.ThrowsAny<Exception>(() => zeros(1L << 42));
        Assert.Contains("can't allocate memory", error.Message, StringComparison.Ordinal);
        Assert.Equal(before, TensorMemory.InUse);
    }

    [Fact]
    public async Task Other_threads_tensors_are_counted_too()
    {
        var before = TensorMemory.InUse;
        await Task.WhenAll(Enumerable.Range(0, 8).Select(_ => Task.Run(() =>
        {
            for (var i = 1; i < 200; i++)
            {
                using var scope = NewDisposeScope();
                var one = full(i * 1000, i);
                Assert.Equal(i, one[^1].item<long>());
            }
        })));
        Assert.Equal(before, TensorMemory.InUse);
    }
}
