using System.Globalization;

namespace Zephyr.Runtime;

/// <summary>Numbers of bytes for people.</summary>
public static class ByteCount
{
    /// <summary>"12 bytes", "143.3 KiB", "2.0 GiB".</summary>
    public static string Describe(long bytes) => bytes switch
    {
        < 1 << 10 => $"{bytes} bytes",
        < 1 << 20 => string.Create(CultureInfo.InvariantCulture, $"{bytes / 1024.0:0.0} KiB"),
        < 1 << 30 => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1024.0 * 1024):0.0} MiB"),
        _ => string.Create(CultureInfo.InvariantCulture, $"{bytes / (1024.0 * 1024 * 1024):0.0} GiB"),
    };
}
