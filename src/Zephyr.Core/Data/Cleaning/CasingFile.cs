using System.Globalization;
using System.Text;
using Zephyr.Runtime;

namespace Zephyr.Data.Cleaning;

/// <summary>
/// Casing statistics as a file, so that a part of a corpus can be judged by the whole: a line a word with its counts in lower case, with a first capital, in capitals and otherwise, and a line
/// for what is not the end of a sentence. Words and ends that are too rare to have an influence are not in it.
/// </summary>
public static class CasingFile
{
    private const string Header = "# word, lower, title, upper, other; or end, lower, upper";
    private const int Largest = 1 << 28;

    /// <summary>The file's text; the same statistics give the same bytes.</summary>
    public static string Write(CasingStatistics statistics)
    {
        ArgumentNullException.ThrowIfNull(statistics);
        var text = new StringBuilder(Header).Append('\n');
        foreach (var (word, counts) in statistics.Words.Where(entry => entry.Value.Dominant(0) is not null).OrderBy(entry => entry.Key, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"{word}\t{counts.Lower}\t{counts.Title}\t{counts.Upper}\t{counts.Other}\n");
        foreach (var (end, counts) in statistics.Ends.Where(entry => entry.Value.IsAbbreviation).OrderBy(entry => entry.Key, StringComparer.Ordinal))
            text.Append(CultureInfo.InvariantCulture, $"{end}\t{counts.Lower}\t{counts.Upper}\n");
        return text.ToString();
    }

    /// <summary>Reads a file.</summary>
    /// <exception cref="UserErrorException">It cannot be read, or a line is none of its lines.</exception>
    public static CasingStatistics Read(string path)
    {
        var statistics = new CasingStatistics();
        var number = 0;
        foreach (var line in UserFile.ReadText(path, "file of casing statistics", Largest).AsSpan().EnumerateLines())
        {
            number++;
            if (line.IsEmpty || line[0] == '#' && number == 1) continue;
            var cells = line.ToString().Split('\t');
            int[] counts = [.. cells.Skip(1).Select(cell => int.TryParse(cell, NumberStyles.None, CultureInfo.InvariantCulture, out var count) ? count : -1)];
            if (counts.Contains(-1) || counts.Length is not (2 or 4))
                throw new UserErrorException($"{path}, line {number}: found \"{UserErrorException.Shortened(line.ToString(), 60)}\", expected a word and four counts, or a sentence's end and two, with tabs between them");
            if (counts.Length == 4) statistics.Set(cells[0], new CaseCounts(counts[0], counts[1], counts[2], counts[3]));
            else statistics.Set(cells[0], new EndCounts(counts[0], counts[1]));
        }
        return statistics;
    }
}
