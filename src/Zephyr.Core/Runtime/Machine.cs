using System.Runtime.InteropServices;

namespace Zephyr.Runtime;

/// <summary>The machine in words, for the record of a run. No name of a host or user is among them.</summary>
internal static class Machine
{
    /// <summary>What /proc/cpuinfo calls the processor; null where it says nothing.</summary>
    public static string? Processor
    {
        get
        {
            try
            {
                return File.ReadLines("/proc/cpuinfo").FirstOrDefault(line => line.StartsWith("model name", StringComparison.Ordinal))?.Split(':', 2)[^1].Trim();
            }
            catch (Exception error) when (error is IOException or UnauthorizedAccessException)
            {
                return null;
            }
        }
    }

    /// <summary>The operating system.</summary>
    public static string System => $"{RuntimeInformation.OSDescription} {RuntimeInformation.OSArchitecture}";
}
