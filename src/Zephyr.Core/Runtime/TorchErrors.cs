using System.Runtime.InteropServices;

namespace Zephyr.Runtime;

/// <summary>What libtorch's exceptions say, without the pages around it.</summary>
public static class TorchErrors
{
    private const string OfScripts = "RuntimeError: ";

    /// <summary>The first line, or of an error in a script the one that says what went wrong.</summary>
    public static string Reason(Exception error)
    {
        ArgumentNullException.ThrowIfNull(error);
        var lines = error.Message.Split('\n');
        var ofScript = lines.FirstOrDefault(line => line.StartsWith(OfScripts, StringComparison.Ordinal));
        return (ofScript?[OfScripts.Length..] ?? lines[0]).Trim().TrimEnd('.');
    }

    /// <summary>Whether a GPU's context is broken: after such an error every later call on it fails with the same one, and only a new process helps.</summary>
    public static bool IsDeviceLost(Exception error) => error is ExternalException && !IsOutOfMemory(error)
        && error.Message.Contains("CUDA error", StringComparison.Ordinal) && !error.Message.Contains("CUBLAS_STATUS", StringComparison.Ordinal);

    /// <summary>Whether memory ran out, on the processor or a device.</summary>
    public static bool IsOutOfMemory(Exception error) => error is OutOfMemoryException
        || (error is ExternalException && (error.Message.Contains("out of memory", StringComparison.OrdinalIgnoreCase)
            || error.Message.Contains("can't allocate memory", StringComparison.OrdinalIgnoreCase)
            || error.Message.Contains("CUBLAS_STATUS_ALLOC_FAILED", StringComparison.Ordinal)
            // What making a cuBLAS handle comes to on a full card.
            || error.Message.Contains("CUBLAS_STATUS_NOT_INITIALIZED", StringComparison.Ordinal)));
}
