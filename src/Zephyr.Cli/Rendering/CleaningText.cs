using Zephyr.Data.Cleaning;
using Zephyr.Pipeline;
using static Zephyr.Cli.Rendering.PlainText;

namespace Zephyr.Cli.Rendering;

/// <summary>What clean did, or would do.</summary>
internal static class CleaningText
{
    /// <summary>On stdout: the counts as a table, then rows before and after.</summary>
    public static void Write(CliConsole console, CleaningResult result)
    {
        foreach (var note in result.Notes) console.Error.WriteLine(OneLine(note));
        ResultTable.Write(console.Results, ["", ">count"], Counts(result.Report));
        foreach (var line in Samples(result.Report)) console.Output.WriteLine(line);
    }

    /// <summary>The lines of --dry-run.</summary>
    public static IEnumerable<string> Of(CleaningResult plan)
    {
        var counts = Counts(plan.Report).ToList();
        var width = counts.Max(row => row[0].Length);
        return
        [
            "clean --dry-run: every row was read and judged, and nothing was written.",
            "",
            $"files  {string.Join(", ", plan.Inputs)}",
            "",
            .. counts.Select(row => $"{row[0].PadRight(width)}  {row[1],10}"),
            .. plan.Notes,
            "",
            .. Samples(plan.Report),
        ];
    }

    private static IEnumerable<string> Samples(CleaningReport report) => report.Samples.SelectMany(sample => (string[])
    [
        $"{sample.Rule.Replace('_', ' ')}: {sample.File} {sample.Row}, {sample.Field}",
        $"  - {sample.Before}",
        $"  {(sample.After is null ? "because of: " : "+ ")}{sample.After ?? sample.Evidence}",
        "",
    ]).Select(OneLine);

    private static IEnumerable<string[]> Counts(CleaningReport report) =>
    [
        ["rows read", Whole(report.Rows)],
        .. report.BadRows > 0 ? [["rows that cannot be used", Whole(report.BadRows)]] : Array.Empty<string[]>(),
        ["rows kept", Whole(report.Kept)],
        .. report.Dropped.Where(drop => drop.Value > 0).Select(drop => new[] { $"row left out: {Words($"{drop.Key}")}", Whole(drop.Value) }),
        ["rows with other casing", $"{Whole(report.RecasedRows)} ({report.RecasedShare:P1})"],
        .. report.Faults.Where(fault => fault.Value > 0).Select(fault => new[] { $"turn recased: {Words($"{fault.Key}")}", Whole(fault.Value) }),
    ];
}
