using System.Runtime.CompilerServices;
using Zephyr.Runtime;

namespace Zephyr.Tests;

internal static class TestAssembly
{
    /// <summary>
    /// Every test may touch a tensor; the natives are loaded before the first one does. One thread an operation: tests run
    /// side by side on tiny tensors, and on a busy machine OpenMP threads that spin for each other took 17 times as long.
    /// </summary>
    [ModuleInitializer]
    internal static void LoadNatives()
    {
        NativeTorch.Load();
        TorchSharp.torch.set_num_threads(1);
        LeaveTheUserCacheAlone();
    }

    /// <summary>Behind the natives, which may be kept there: what a test's own run would keep goes with the tests.</summary>
    private static void LeaveTheUserCacheAlone()
    {
        var cache = Directory.CreateTempSubdirectory("zephyr-test-cache-");
        Environment.SetEnvironmentVariable("XDG_CACHE_HOME", cache.FullName);
        AppDomain.CurrentDomain.ProcessExit += (_, _) => cache.Delete(recursive: true);
    }
}
