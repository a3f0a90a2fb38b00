using Zephyr.Runtime;

namespace Zephyr.Tests.Runtime;

public class NativeTorchTests
{
    [Fact]
    public void The_shipped_libtorch_passes_every_self_test()
    {
        Assert.Equal("2.10.0", NativeTorch.Load().Version);
        Assert.Empty(TorchSelfTest.Run());
    }

    [Fact]
    public void A_library_that_the_repair_does_not_know_is_refused()
    {
        var error = Assert.Throws<UserErrorException>(() => ElfRepair.Repair(new byte[4096]));
        Assert.Contains("GLIBCXX_3.4.32", error.Message);
    }

    [Fact]
    public void The_repair_changes_three_places_and_nothing_else()
    {
        var before = File.ReadAllBytes(Path.Combine(AppContext.BaseDirectory, "libtorch", "libLibTorchSharp.so"));
        var after = before.ToArray();
        ElfRepair.Repair(after);
        // The import's name (28 bytes), its version index and the flags of the version need (2 bytes each).
        Assert.InRange(before.Zip(after).Count(pair => pair.First != pair.Second), 25, 32);
    }
}
