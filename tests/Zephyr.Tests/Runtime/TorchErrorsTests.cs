using System.Runtime.InteropServices;
using Zephyr.Cli;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Tests.Runtime;

public class TorchErrorsTests
{
    [Fact]
    public void Memory_that_is_not_there_is_told_from_other_errors()
    {
        NativeTorch.Load();
        var error = Assert.ThrowsAny<Exception>(() => empty(1L << 50, device: CPU));
        Assert.True(TorchErrors.IsOutOfMemory(error), error.Message);
        Assert.True(TorchErrors.IsOutOfMemory(new Thrown("CUDA out of memory. Tried to allocate 2.00 GiB.\nException raised from ...")));
        Assert.True(TorchErrors.IsOutOfMemory(new Thrown("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`")));
        Assert.False(TorchErrors.IsOutOfMemory(new Thrown("CUDA error: an illegal memory access was encountered")));
        Assert.True(TorchErrors.IsOutOfMemory(new Thrown("CUDA error: CUBLAS_STATUS_NOT_INITIALIZED when calling `cublasCreate(handle)`")));
        Assert.False(TorchErrors.IsOutOfMemory(Assert.ThrowsAny<Exception>(() => ones(2, 3, device: CPU).mm(ones(2, 3, device: CPU)))));
    }

    [Theory]
    [InlineData("CUDA error: an illegal memory access was encountered\nCUDA kernel errors might be", true)]
    [InlineData("CUDA error: device-side assert triggered", true)]
    [InlineData("CUDA error: CUBLAS_STATUS_NOT_SUPPORTED when calling `cublasGemmEx(handle, ...)`", false)]
    [InlineData("CUDA error: out of memory", false)]
    [InlineData("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`", false)]
    [InlineData("mat1 and mat2 shapes cannot be multiplied (2x3 and 2x3)", false)]
    public void A_GPU_that_is_lost_is_told_from_one_that_is_full(string message, bool lost) => Assert.Equal(lost, TorchErrors.IsDeviceLost(new Thrown(message)));

    [Fact]
    public void The_program_ends_with_a_sentence_and_1_where_memory_ran_out()
    {
        using var error = new StringWriter();
        Assert.Equal(1, ExitCodes.Report(new Thrown("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 79.11 GiB.\nException raised from malloc"), error));
        Assert.Equal("zephyr: memory ran out: CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has 79.11 GiB; take fewer or shorter rows at a time, a smaller model, or a device with more memory\n",
            error.ToString().ReplaceLineEndings("\n"));
    }

    [Theory]
    [InlineData("Expected all tensors to be on the same device.\nException raised from ...", "Expected all tensors to be on the same device")]
    [InlineData("The following operation failed in the TorchScript interpreter.\nTraceback ...\nRuntimeError: Could not run 'aten::x'.\n\n", "Could not run 'aten::x'")]
    public void The_line_that_says_what_went_wrong_is_taken(string message, string reason) => Assert.Equal(reason, TorchErrors.Reason(new Thrown(message)));

    /// <summary>As TorchSharp throws what libtorch throws.</summary>
    private sealed class Thrown(string message) : ExternalException(message);
}
