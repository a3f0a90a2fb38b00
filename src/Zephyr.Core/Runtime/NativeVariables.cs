using System.Runtime.InteropServices;

namespace Zephyr.Runtime;

/// <summary>What native libraries read from the environment once, when they are loaded. What the user has set stays.</summary>
internal static partial class NativeVariables
{
    /// <summary>
    /// How long libtorch's OpenMP threads spin for each other before they sleep. GNU OpenMP's default is to spin on for long, which
    /// pays on an idle machine and is ruinous on a busy one, where the thread that is waited for does not run. Measured with 60 steps
    /// of the tiny recipe on two cores: idle 5.4 s by default and 5.3 s with 1000 spins (7.7 s with none), busy 28.5 s against 8.5 to 11 s (7.7 s with none).
    /// </summary>
    private const string SpinCount = "1000";

    /// <summary>
    /// How many kernels oneDNN and the layer above it keep, each with memory of its own. A kernel is for one shape, and ragged batches never have the
    /// same twice: after seven bf16 steps on single pairs a run took 3.2 GB with the usual 1024, and 2.3 GB with 64, which hold
    /// what one micro-batch's layers share and were no slower (1.31 pairs/s against 1.24).
    /// </summary>
    private const string KernelsKept = "64";

    /// <summary>
    /// How libtorch asks a GPU for memory: as one range that grows, not as pieces that each keep their size. Ragged batches have another size each time, so that pieces of old sizes would lie about
    /// unused; and what the driver counts is then what the largest step needed.
    /// </summary>
    private const string DeviceAllocator = "expandable_segments:True";

    /// <summary>The variable of <see cref="DeviceAllocator"/>.</summary>
    internal const string DeviceAllocatorName = "PYTORCH_CUDA_ALLOC_CONF";

    /// <summary>
    /// cuDNN's attention is not libtorch's first choice on Hopper, as it is from cuDNN 9.15 on: it makes a plan for every shape and keeps them all, ragged sequences have another shape each time, and with a mask its
    /// gradients can be NaN (pytorch issue 196678).
    /// </summary>
    private const string CudnnAttentionLast = "1";

    /// <summary>TorchScript runs what it would fuse on a GPU as the operators that they are: it would compile them for every new shape, which takes NVIDIA's compiler (libnvrtc), and there is nothing to gain in scripts of a few lines.</summary>
    private const string NoFusing = "2";

    /// <summary>Must come before libtorch and libgomp are loaded.</summary>
    public static void Set()
    {
        _ = SetVariable("GOMP_SPINCOUNT", SpinCount, overwrite: 0);
        _ = SetVariable("ONEDNN_PRIMITIVE_CACHE_CAPACITY", KernelsKept, overwrite: 0);
        _ = SetVariable("LRU_CACHE_CAPACITY", KernelsKept, overwrite: 0);
        // Libtorch asks for the newer name only where the older one is not there.
        if (Environment.GetEnvironmentVariable("PYTORCH_ALLOC_CONF") is null) _ = SetVariable(DeviceAllocatorName, DeviceAllocator, overwrite: 0);
        _ = SetVariable("TORCH_CUDNN_SDPA_DEPRIORITIZED", CudnnAttentionLast, overwrite: 0);
        _ = SetVariable("PYTORCH_TENSOREXPR_FALLBACK", NoFusing, overwrite: 0);
    }

    // .NET's own Environment keeps a copy that native code never sees.
    [LibraryImport("libc", EntryPoint = "setenv", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int SetVariable(string name, string value, int overwrite);
}
