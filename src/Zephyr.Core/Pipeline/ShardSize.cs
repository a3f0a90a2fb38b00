using System.Globalization;

namespace Zephyr.Pipeline;

/// <summary>max_shard_size as transformers writes it: a number with KB, MB or GB, in powers of 1000.</summary>
internal static class ShardSize
{
    /// <summary>Bytes. The configuration has checked the form.</summary>
    public static long Parse(string text) => long.Parse(text[..^2], CultureInfo.InvariantCulture) * text[^2..] switch
    {
        "KB" => 1_000,
        "MB" => 1_000_000,
        _ => 1_000_000_000L,
    };
}
