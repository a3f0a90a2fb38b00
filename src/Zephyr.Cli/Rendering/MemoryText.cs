using System.Globalization;
using Zephyr.Evaluation.Memory;
using static Zephyr.Cli.Rendering.PlainText;

namespace Zephyr.Cli.Rendering;

/// <summary>Memory and operations in words.</summary>
internal static class MemoryText
{
    private static readonly (double Size, string Name)[] Prefixes = [(1e18, "E"), (1e15, "P"), (1e12, "T"), (1e9, "G"), (1e6, "M")];

    /// <summary>"fits cuda:0, which has 139.0 GiB", or what to do.</summary>
    public static string Verdict(MemoryForecast memory)
    {
        var room = memory.Room;
        var has = $"{room.Name}, which has {Bytes(room.Bytes)}{(room.IsCuda ? "" : " for it")}{(room.Reserve > 0 ? $", {Bytes(room.Reserve)} of which are not counted on" : "")}"
            + (memory.Plan.OnHost > 0 && room.HostBytes is { } host ? $"; the host, which has {Bytes(host)}, is to hold {Bytes(memory.Plan.OnHost)}" : "");
        return memory.Fits ? $"fits {has}" : $"DOES NOT FIT {has}; {memory.Advice}";
    }

    /// <summary>"1.2 PFLOP".</summary>
    public static string Operations(double operations)
    {
        var (size, name) = Prefixes.FirstOrDefault(prefix => operations >= prefix.Size, (1, ""));
        return string.Create(CultureInfo.InvariantCulture, $"{operations / size:0.##} {name}FLOP");
    }
}
