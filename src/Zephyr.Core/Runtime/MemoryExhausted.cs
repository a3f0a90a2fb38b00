using System.Runtime.InteropServices;

namespace Zephyr.Runtime;

/// <summary>Whether an exception says that memory ran out, of the processor or of a device, and how libtorch put it.</summary>
internal static class MemoryExhausted
{
    private static readonly string[] Words =
    [
        "out of memory", // CUDA's, cuBLAS's and oneDNN's.
        "can't allocate memory", // DefaultCPUAllocator.
        "not enough memory", "bad_alloc", "CUBLAS_STATUS_ALLOC_FAILED",
    ];

    public static bool Is(Exception error) => error is OutOfMemoryException
        || (error is ExternalException && Words.Any(word => error.Message.Contains(word, StringComparison.OrdinalIgnoreCase)));

    /// <summary>The line that says it, without where in libtorch that was.</summary>
    public static string Reason(Exception error)
    {
        var lines = error.Message.Split('\n');
        var line = lines.FirstOrDefault(one => Words.Any(word => one.Contains(word, StringComparison.OrdinalIgnoreCase))) ?? lines[0];
        // "[enforce fail at alloc_cpu.cpp:121] err == 0. DefaultCPUAllocator: can't allocate memory: ..." and "RuntimeError: ..."
        var start = new[] { "DefaultCPUAllocator:", "CUDA out of memory", "CUDA error" }.Select(word => line.IndexOf(word, StringComparison.Ordinal)).FirstOrDefault(at => at >= 0);
        return line[Math.Max(0, start)..].Trim().TrimEnd('.');
    }
}
