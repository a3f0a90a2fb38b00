using Spectre.Console;

namespace Zephyr.Cli.Rendering;

/// <summary>A table of results on stdout.</summary>
internal static class ResultTable
{
    // Spectre's simple border: two columns of the screen before the first cell and behind the last one, three between two.
    private const int Between = 3, Edges = 1;

    // What a column of words may shrink to before a table is no table any more.
    private const int LeastWords = 12;

    /// <summary>
    /// Writes it. Cells are plain text: square brackets in them are no markup. On a terminal that is too narrow headings and words go on in the next line, numbers never; where even that does not
    /// fit, each row becomes lines of its own, a heading and its value in each.
    /// </summary>
    /// <param name="console">stdout.</param>
    /// <param name="columns">The headings; one that starts with ">" is of numbers and stands to the right.</param>
    /// <param name="rows">As many cells as columns.</param>
    public static void Write(IAnsiConsole console, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        var cells = rows.Select(row => row.Select(PlainText.OneLine).ToArray()).ToList();
        var headings = columns.Select(column => column.TrimStart('>')).ToList();
        int Longest(int column) => cells.Select(row => row[column].Length).DefaultIfEmpty().Max();
        var natural = headings.Select((heading, i) => Math.Max(heading.Length, Longest(i))).ToList();
        var least = headings.Select((heading, i) => columns[i].StartsWith('>') ? Math.Max(heading.Split(' ').Max(word => word.Length), Longest(i)) : Math.Min(natural[i], LeastWords)).ToList();
        bool Fits(List<int> widths) => widths.Sum() + Between * widths.Count + Edges <= console.Profile.Width;
        if (!Fits(natural) && !Fits(least))
        {
            WriteRecords(console, headings, cells);
            return;
        }
        var table = new Table { Border = TableBorder.Simple, Expand = false };
        foreach (var (column, i) in columns.Select((column, i) => (column, i)))
        {
            var isNumber = column.StartsWith('>');
            table.AddColumn(new TableColumn(new Text(headings[i])) { Alignment = isNumber ? Justify.Right : Justify.Left, Width = isNumber && !Fits(natural) ? least[i] : null, NoWrap = isNumber });
        }
        foreach (var row in cells) table.AddRow(row.Select(cell => new Text(cell)));
        console.Write(table);
    }

    private static void WriteRecords(IAnsiConsole console, List<string> headings, List<string[]> rows)
    {
        var width = headings.Max(heading => heading.Length);
        foreach (var row in rows)
        {
            for (var i = 0; i < row.Length; i++) Line(i == 0 ? $"{headings[0]} {row[0]}".Trim() : $"  {headings[i].PadRight(width)}  {row[i]}".TrimEnd());
            Line("");
        }

        void Line(string text)
        {
            console.Write(new Text(text) { Overflow = Overflow.Fold });
            console.WriteLine();
        }
    }
}
