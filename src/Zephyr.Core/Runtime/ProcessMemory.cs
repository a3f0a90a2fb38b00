using System.Globalization;

namespace Zephyr.Runtime;

/// <summary>What the operating system says of this process's memory, in bytes. libtorch keeps no account of its own for the CPU.</summary>
public static class ProcessMemory
{
    /// <summary>Resident now.</summary>
    public static long Resident => Read("VmRSS:");

    /// <summary>The most that was resident since the start, or since <see cref="ForgetPeak"/>.</summary>
    public static long Peak => Read("VmHWM:");

    /// <summary>Private memory that may be written, resident or not: what a limit on data (ulimit -d) counts.</summary>
    public static long Data => Read("VmData:");

    /// <summary>Starts the peak anew at what is resident now; where the kernel does not allow it, it goes on counting from the start.</summary>
    public static void ForgetPeak()
    {
        try
        {
            File.WriteAllText("/proc/self/clear_refs", "5");
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            // A peak that is too high is still a bound.
        }
    }

    private static long Read(string name)
    {
        foreach (var line in File.ReadLines("/proc/self/status"))
            if (line.StartsWith(name, StringComparison.Ordinal))
                return long.Parse(line.AsSpan(name.Length, line.Length - name.Length - " kB".Length), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture) * 1024;
        return 0;
    }
}
