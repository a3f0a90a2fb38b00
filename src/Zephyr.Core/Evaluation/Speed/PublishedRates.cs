using System.Text.RegularExpressions;

namespace Zephyr.Evaluation.Speed;

/// <summary>What makers state for dense bf16 products, in operations a second: what a model's utilisation is measured by in print.</summary>
public static class PublishedRates
{
    /// <summary>Words of the names by which drivers call the cards, the narrower ones first; without sparsity, from the makers' data sheets.</summary>
    private static readonly (string Name, double TeraOperations)[] Known =
    [
        ("GB200", 2500), ("B200", 2250), ("GH200", 989.4), ("H200", 989.4), ("H100 NVL", 835), ("H100 PCIe", 756), ("H100", 989.4), ("H800", 989.4), ("H20", 148),
        ("A100", 311.9), ("A800", 311.9), ("A40", 149.7), ("A30", 165), ("A10G", 70), ("A10", 125), ("L40S", 362), ("L40", 181), ("L4", 121),
        ("RTX 6000 Ada", 364), ("RTX A6000", 154.8), ("RTX 5090", 209.5), ("RTX 4090", 165.2), ("RTX 3090", 71),
    ];

    /// <summary>Of a card; null where it is not known here.</summary>
    /// <param name="name">As its driver says it: "NVIDIA H100 80GB HBM3".</param>
    public static double? DenseBf16(string name)
    {
        ArgumentNullException.ThrowIfNull(name);
        // Whole words: an RTX A4000 is no A40. A hyphen or an underscore ends one, as in A100-SXM4-80GB.
        foreach (var (known, rate) in Known)
            if (Regex.IsMatch(name, $"(?<![A-Za-z0-9]){Regex.Escape(known)}(?![A-Za-z0-9])", RegexOptions.IgnoreCase)) return rate * 1e12;
        return null;
    }
}
