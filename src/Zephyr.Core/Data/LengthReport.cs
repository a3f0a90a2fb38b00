using System.Globalization;
using System.Text;

namespace Zephyr.Data;

/// <summary>Lengths of one kind of text in tokens, before and after cutting. What is held is a count for each length, not the lengths.</summary>
/// <param name="name">What is measured: prompt, chosen, conversation.</param>
public sealed class LengthSeries(string name)
{
    private readonly SortedDictionary<int, int> _counts = [];

    /// <param name="name">What is measured: prompt, chosen, conversation.</param>
    /// <param name="lengths">For each row how long it was, and how much of that is kept.</param>
    public LengthSeries(string name, IEnumerable<(int Whole, int Kept)> lengths) : this(name)
    {
        ArgumentNullException.ThrowIfNull(lengths);
        foreach (var (whole, kept) in lengths) Add(whole, kept);
    }

    /// <summary>What is measured.</summary>
    public string Name => name;

    /// <summary>Rows.</summary>
    public int Count { get; private set; }

    /// <summary>Tokens of all rows before cutting.</summary>
    public long Tokens { get; private set; }

    /// <summary>Rows that lost something.</summary>
    public int Cut { get; private set; }

    /// <summary>What they lost in all.</summary>
    public long TokensCut { get; private set; }

    /// <summary>The longest; 0 where there is none.</summary>
    public int Max => Quantile(1);

    /// <summary>The smallest length that a share of the rows does not exceed (nearest rank); 0 where there is none.</summary>
    public int Quantile(double share)
    {
        var rank = Math.Max(1, (int)Math.Ceiling(share * Count));
        foreach (var (length, count) in _counts)
            if ((rank -= count) <= 0) return length;
        return 0;
    }

    /// <summary>Rows longer than <paramref name="above"/> and at most <paramref name="upTo"/>.</summary>
    public int CountIn(int above, int upTo) => _counts.Where(entry => entry.Key > above && entry.Key <= upTo).Sum(entry => entry.Value);

    /// <summary>Counts a row.</summary>
    /// <param name="whole">How long it was.</param>
    /// <param name="kept">How much of that is kept.</param>
    public void Add(int whole, int kept)
    {
        _counts[whole] = _counts.GetValueOrDefault(whole) + 1;
        Count++;
        Tokens += whole;
        if (kept < whole) Cut++;
        TokensCut += whole - kept;
    }
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
