using Zephyr.Cli.Rendering;

namespace Zephyr.Tests.Cli.Rendering;

/// <summary>Tables on terminals of every width: a number is never broken in two.</summary>
public class ResultTableTests
{
    private static readonly string[] Columns = ["role", "model", ">calls", ">prompt tokens", ">accuracy", ">95 %"];
    private static readonly string[][] Rows =
    [
        ["generate", "local:/a/long/path/to/a/model/folder", "12", "1,234,567", "0.4550", "-8.1348 to 13.6681"],
        ["judge", "m", "3", "89", "0.5000", "0.3850 to 0.5250"],
    ];

    [Fact]
    public void In_a_pipe_a_row_is_a_line()
    {
        using var output = new StringWriter();
        ResultTable.Write(Rich.On(output, null), Columns, Rows);
        Assert.Contains("  generate   local:/a/long/path/to/a/model/folder      12       1,234,567     0.4550   -8.1348 to 13.6681  \n", output.ToString());
    }

    [Fact]
    public void Numbers_stay_whole_and_no_line_is_wider_than_the_terminal()
    {
        for (var width = 40; width <= 140; width++)
        {
            var lines = Write(width);
            Assert.All(lines, line => Assert.True(line.Length <= width, $"{width}: {line}"));
            foreach (var number in Rows.SelectMany(row => row.Skip(2))) Assert.True(lines.Any(line => line.Contains(number, StringComparison.Ordinal)), $"{width}: {number} in\n{string.Join("\n", lines)}");
        }
    }

    [Fact]
    public void Words_go_on_in_the_next_line_before_the_table_is_given_up()
    {
        var lines = Write(90);
        Assert.Contains(lines, line => line.StartsWith("  generate   local:/", StringComparison.Ordinal) && line.EndsWith("-8.1348 to 13.6681", StringComparison.Ordinal));
        Assert.Contains(lines, line => line.Contains('─'));
    }

    [Fact]
    public void Where_no_table_fits_a_row_becomes_lines_of_its_own() => Assert.Equal(
        [
            "role generate", "  model          local:/a/long/path/to/a/model/folder", "  calls          12", "  prompt tokens  1,234,567", "  accuracy       0.4550", "  95 %           -8.1348 to 13.6681", "",
            "role judge", "  model          m", "  calls          3", "  prompt tokens  89", "  accuracy       0.5000", "  95 %           0.3850 to 0.5250", "", "",
        ],
        Write(60));

    private static IReadOnlyList<string> Write(int width)
    {
        using var terminal = new FakeTerminal(width);
        ResultTable.Write(Rich.On(terminal, terminal.Traits()), Columns, Rows);
        return terminal.Lines;
    }
}
