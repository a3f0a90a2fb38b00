using System.Globalization;
using Zephyr.Runtime;

namespace Zephyr.Cli.Rendering;

/// <summary>Text for people, safe to print.</summary>
internal static class PlainText
{
    /// <summary>Text from a file or a user on one line: control characters, with which it could redraw the terminal, become spaces.</summary>
    public static string OneLine(string text) => text.Any(char.IsControl)
        ? string.Concat(text.Select(c => char.IsControl(c) ? ' ' : c))
        : text;

    /// <summary>"1:02:03" or "2:03".</summary>
    public static string Duration(TimeSpan time) => time.TotalHours >= 1
        ? $"{(long)time.TotalHours}:{time.Minutes:00}:{time.Seconds:00}"
        : $"{time.Minutes}:{time.Seconds:00}";

    /// <summary>"BestScoreTied" as "best score tied".</summary>
    public static string Words(string name) =>
        string.Concat(name.Select((c, i) => char.IsUpper(c) ? (i > 0 ? " " : "") + char.ToLowerInvariant(c) : $"{c}"));

    /// <summary>"987", "12.3k", "7.24B".</summary>
    public static string Count(double number) => Math.Abs(number) switch
    {
        >= 1e9 => $"{number / 1e9:0.##}B",
        >= 1e6 => $"{number / 1e6:0.##}M",
        >= 1e3 => $"{number / 1e3:0.#}k",
        _ => $"{number:0.#}",
    };

    /// <summary>"1,234,567".</summary>
    public static string Whole(long number) => number.ToString("N0", CultureInfo.InvariantCulture);

    /// <summary>"987 bytes", "12.3 KiB", "13.5 GiB".</summary>
    public static string Bytes(long bytes) => ByteCount.Describe(bytes);

    /// <summary>"0", "0.0125", "12.30": in whatever currency the prices are.</summary>
    public static string Money(decimal cost) => cost.ToString(cost == 0 ? "0" : cost < 1 ? "0.0000" : "#,##0.00", CultureInfo.InvariantCulture);

    /// <summary>"1 step", "2 steps".</summary>
    public static string Several(long number, string what) => $"{Whole(number)} {what}{(number == 1 ? "" : "s")}";

    /// <summary>"2.0 GiB".</summary>
    public static string Gibibytes(long bytes) => $"{bytes / (1024.0 * 1024 * 1024):0.0} GiB";

    /// <summary>A metric: rates in scientific notation, all else with four digits behind the point.</summary>
    public static string Metric(string name, double value) => name switch
    {
        "learning_rate" => value.ToString("0.0e+00", CultureInfo.InvariantCulture),
        "num_tokens" or "tokens" or "rows" => Count(value),
        _ => value.ToString(Math.Abs(value) is > 0 and < 1e-3 ? "0.000e+00" : "0.0000", CultureInfo.InvariantCulture),
    };
}
