using Zephyr.Runtime;

namespace Zephyr.Tests.Runtime;

public class SeededRandomTests
{
    [Fact]
    public void A_stream_is_a_pure_function_of_seed_and_purpose()
    {
        Assert.Equal(new SeededRandom(42, 1).Permutation(100), new SeededRandom(42, 1).Permutation(100));
        Assert.NotEqual(new SeededRandom(42, 1).Permutation(100), new SeededRandom(42, 2).Permutation(100));
        Assert.NotEqual(new SeededRandom(42, 1).Permutation(100), new SeededRandom(43, 1).Permutation(100));
    }

    [Fact]
    public void The_numbers_never_change_between_versions() =>
        Assert.Equal([16294208416658607535UL, 7960286522194355700UL], [Next(0, 1), Next(0, 2)]);

    [Fact]
    public void A_permutation_holds_every_index_once() =>
        Assert.Equal(Enumerable.Range(0, 1000), new SeededRandom(7).Permutation(1000).Order());

    private static ulong Next(long seed, int n)
    {
        var random = new SeededRandom(seed);
        ulong value = 0;
        for (var i = 0; i < n; i++) value = random.NextUInt64();
        return value;
    }
}
