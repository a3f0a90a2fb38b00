using System.Globalization;
using System.Text;

namespace Zephyr.Data;

/// <summary>Lengths of one kind of text in tokens, before and after cutting.</summary>
public sealed class LengthSeries
{
    private readonly int[] _sorted;

    /// <param name="name">What is measured: prompt, chosen, conversation.</param>
    /// <param name="lengths">For each row how long it was, and how much of that is kept.</param>
    public LengthSeries(string name, IEnumerable<(int Whole, int Kept)> lengths)
    {
        ArgumentNullException.ThrowIfNull(lengths);
        Name = name;
        var whole = new List<int>();
        foreach (var length in lengths)
        {
            whole.Add(length.Whole);
            Tokens += length.Whole;
            if (length.Kept < length.Whole) Cut++;
            TokensCut += length.Whole - length.Kept;
        }
        whole.Sort();
        _sorted = [.. whole];
    }

    /// <summary>What is measured.</summary>
    public string Name { get; }

    /// <summary>Rows.</summary>
    public int Count => _sorted.Length;

    /// <summary>Tokens of all rows before cutting.</summary>
    public long Tokens { get; }

    /// <summary>Rows that lost something.</summary>
    public int Cut { get; }

    /// <summary>What they lost in all.</summary>
    public long TokensCut { get; }

    /// <summary>The longest; 0 where there is none.</summary>
    public int Max => Quantile(1);

    /// <summary>The smallest length that a share of the rows does not exceed (nearest rank); 0 where there is none.</summary>
    public int Quantile(double share) => Count == 0 ? 0 : _sorted[Math.Max(0, (int)Math.Ceiling(share * Count) - 1)];

    /// <summary>Rows longer than <paramref name="above"/> and at most <paramref name="upTo"/>.</summary>
    public int CountIn(int above, int upTo) => _sorted.Count(length => length > above && length <= upTo);
}

/// <summary>What there is to know about lengths before training: how long the rows are and what the limits take off them.</summary>
/// <param name="title">The rows: "training".</param>
/// <param name="series">One line each.</param>
public sealed class LengthReport(string title, params IReadOnlyList<LengthSeries> series)
{
    private const int Buckets = 8;
    private const string Bars = "▁▂▃▄▅▆▇█";

    /// <summary>What was measured.</summary>
    public IReadOnlyList<LengthSeries> Series { get; } = series;

    /// <summary>
    /// A table in plain text: a heading and a line for each series with quantiles, what was cut, and a histogram. Its buckets double up to the
    /// power of two that holds 99 % of the longest series; the heading gives the upper end of each, and the last one holds the rest.
    /// </summary>
    public IReadOnlyList<string> Lines
    {
        get
        {
            var top = (int)Math.Min(1 << 30, System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(1 << Buckets, Series.Max(one => one.Quantile(0.99)))));
            int[] bounds = [0, .. Enumerable.Range(1, Buckets).Select(i => top >> (Buckets - i)), int.MaxValue];
            List<string[]> table =
            [
                [$"{title} tokens", "rows", "p50", "p90", "p99", "max", "cut", "lost", "", .. bounds[1..^1].Select(bound => $"≤{bound}"), "more"],
                .. Series.Select(one => RowOf(one, bounds)),
            ];
            var widths = Enumerable.Range(0, table[0].Length).Select(column => table.Max(row => row[column].Length)).ToList();
            return [.. table.Select(row => Join(row, widths))];
        }
    }

    private static string[] RowOf(LengthSeries one, int[] bounds)
    {
        var counts = bounds.Zip(bounds.Skip(1), one.CountIn).ToList();
        var lost = one.TokensCut == 0 ? "0" : string.Create(CultureInfo.InvariantCulture, $"{one.TokensCut} ({100.0 * one.TokensCut / one.Tokens:0.0}%)");
        return
        [
            one.Name, $"{one.Count}", $"{one.Quantile(0.5)}", $"{one.Quantile(0.9)}", $"{one.Quantile(0.99)}", $"{one.Max}", $"{one.Cut}", lost,
            string.Concat(counts.Select(count => BarOf(count, counts.Max()))), .. counts.Select(count => $"{count}"),
        ];
    }

    /// <summary>A count as a bar: empty only for none, full for the most.</summary>
    private static char BarOf(int count, int most) => count == 0 ? ' ' : Bars[(int)Math.Ceiling((double)count / most * Bars.Length) - 1];

    private static string Join(string[] cells, List<int> widths)
    {
        var line = new StringBuilder(cells[0].PadRight(widths[0]));
        for (var i = 1; i < cells.Length; i++) line.Append("  ").Append(cells[i].PadLeft(widths[i]));
        return line.ToString();
    }
}
