using System.Globalization;

namespace Zephyr.Configuration;

/// <summary>A number of bytes as transformers writes it: a whole number with KB, MB or GB, in powers of 1000.</summary>
public static class ByteSize
{
    private static readonly (string Unit, long Bytes)[] Units = [("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000)];

    /// <summary>What to write, for messages.</summary>
    internal const string Form = "a whole number above 0 with KB, MB or GB, such as 5GB";

    /// <summary>The bytes of a text that a configuration has checked.</summary>
    /// <param name="text">"5GB".</param>
    /// <exception cref="FormatException">It has another form, or is more than a file can hold.</exception>
    public static long Parse(string text) =>
        TryParse(text, out var bytes) ? bytes : throw new FormatException($"found {text}, expected {Form}");

    /// <summary>The bytes, where the text has the form and the number fits 64 bits.</summary>
    /// <param name="text">"5GB".</param>
    /// <param name="bytes">How many; 0 where the text is none.</param>
    public static bool TryParse(string? text, out long bytes)
    {
        bytes = 0;
        foreach (var (unit, size) in Units)
        {
            if (text is null || !text.EndsWith(unit, StringComparison.Ordinal)) continue;
            var digits = text.AsSpan(0, text.Length - unit.Length);
            if (!long.TryParse(digits, NumberStyles.None, CultureInfo.InvariantCulture, out var count)) return false;
            if (count is 0 || count > long.MaxValue / size) return false;
            bytes = count * size;
            return true;
        }
        return false;
    }
}
