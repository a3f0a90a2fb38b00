using Spectre.Console;

namespace Zephyr.Cli.Rendering;

/// <summary>A table of results on stdout.</summary>
internal static class ResultTable
{
    /// <summary>Writes it. Cells are plain text: square brackets in them are no markup.</summary>
    /// <param name="console">stdout.</param>
    /// <param name="columns">The headings; one that starts with ">" is of numbers and stands to the right.</param>
    /// <param name="rows">As many cells as columns.</param>
    public static void Write(IAnsiConsole console, IReadOnlyList<string> columns, IEnumerable<IReadOnlyList<string>> rows)
    {
        var table = new Table { Border = TableBorder.Simple, Expand = false };
        foreach (var heading in columns)
            table.AddColumn(new TableColumn(new Text(heading.TrimStart('>'))) { Alignment = heading.StartsWith('>') ? Justify.Right : Justify.Left });
        foreach (var row in rows) table.AddRow(row.Select(cell => new Text(PlainText.OneLine(cell))));
        console.Write(table);
    }
}
