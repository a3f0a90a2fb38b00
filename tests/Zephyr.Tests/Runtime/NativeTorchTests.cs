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

    [Theory]
    [InlineData("device (CUDA out of memory. Tried to allocate 2.00 MiB)", "cuda:1 is full; expected one with room, which zephyr doctor shows, or that what holds its memory ends")]
    [InlineData("matmul (CUDA error: no kernel image is available for execution on the device)", "this PyTorch was built without cuda:1's compute capability; expected one built for it")]
    [InlineData("device (CUDA driver error: operation not supported)", "virtual GPUs may refuse memory that grows in place; expected PYTORCH_CUDA_ALLOC_CONF=expandable_segments:False in the environment there")]
    [InlineData("dtype", "this program needs libtorch 2.10.x")]
    public void What_a_failed_self_test_says_of_a_GPU_decides_what_would_help(string failure, string remedy) =>
        Assert.Equal(remedy, TorchSelfTest.Remedy(["zeros_like", failure], new(TorchSharp.DeviceType.CUDA, 1)));

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
