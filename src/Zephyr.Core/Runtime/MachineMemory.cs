using System.Globalization;
using System.Runtime.InteropServices;

namespace Zephyr.Runtime;

/// <summary>How much memory a run may take on the processor's side: what is free, and what the process is allowed.</summary>
public static partial class MachineMemory
{
    private const int DataLimit = 2; // RLIMIT_DATA
    private const string Group = "/sys/fs/cgroup";

    /// <summary>
    /// What this process may come to in all, in bytes: what it holds now and what is available besides, by the system (MemAvailable), by the limit of its control group
    /// and by its own limit on data (ulimit -d), whichever is least.
    /// </summary>
    public static long Room
    {
        get
        {
            var own = ProcessMemory.Resident;
            long[] bounds = [Available("/proc/meminfo") + own, OfGroup() is { } group ? group + own : long.MaxValue, OfLimit() is { } limit ? limit + own : long.MaxValue];
            return bounds.Min();
        }
    }

    /// <summary>MemAvailable: free, or kept for files and given up where it is needed.</summary>
    internal static long Available(string file) => Lines(file).FirstOrDefault(line => line.StartsWith("MemAvailable:", StringComparison.Ordinal)) is { } line
        && long.TryParse(line.AsSpan(13, line.Length - 13 - " kB".Length), NumberStyles.AllowLeadingWhite, CultureInfo.InvariantCulture, out var kilobytes) ? kilobytes * 1024 : long.MaxValue / 2;

    /// <summary>What the control group has left: files that it holds can be given up.</summary>
    internal static long? OfGroup(string group = Group)
    {
        if (Number(Path.Combine(group, "memory.max")) is not { } most || Number(Path.Combine(group, "memory.current")) is not { } now) return null;
        var files = Lines(Path.Combine(group, "memory.stat")).FirstOrDefault(line => line.StartsWith("inactive_file ", StringComparison.Ordinal));
        var freed = files is not null && long.TryParse(files["inactive_file ".Length..], out var bytes) ? bytes : 0;
        return Math.Max(0, most - now + freed);
    }

    private static long? OfLimit() => GetLimit(DataLimit, out var limit) == 0 && limit.Soft != ulong.MaxValue && limit.Soft < long.MaxValue
        ? Math.Max(0, (long)limit.Soft - ProcessMemory.Data) : null;

    private static long? Number(string file) => long.TryParse(Lines(file).FirstOrDefault(), out var number) ? number : null;

    private static string[] Lines(string file)
    {
        try
        {
            return File.ReadAllLines(file);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            return [];
        }
    }

    [StructLayout(LayoutKind.Sequential)]
    private struct Limit
    {
        public ulong Soft, Hard;
    }

    [LibraryImport("libc", EntryPoint = "getrlimit")]
    private static partial int GetLimit(int resource, out Limit limit);
}
