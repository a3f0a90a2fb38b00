using System.Globalization;
using Zephyr.Cli.Commands;
using Zephyr.Evaluation;
using Zephyr.Evaluation.Statistics;
using Zephyr.Pipeline;
using static Zephyr.Cli.Rendering.PlainText;

namespace Zephyr.Cli.Rendering;

/// <summary>The figures that judges give, as tables.</summary>
internal static class JudgedTables
{
    private const int Named = 5;

    public static void Write(CliConsole console, WinRateReport report)
    {
        if (report.All is null)
        {
            console.Output.WriteLine("no prompt has a verdict");
            Finish(console, report.Failures, report.Calls, report.Files);
            return;
        }
        var rates = report.Sources.Select(source => (source.Key, source.Value)).Append(("all", report.All)).ToList();
        ResultTable.Write(console.Results, ["prompts", ">judged", ">win rate", ">95 %", ">standard error", ">at equal lengths", ">95 %", ">wins", ">losses", ">ties", ">orders agree"], rates.Select(rate => new[]
        {
            rate.Item1, Whole(rate.Item2.Prompts), Two(rate.Item2.Win.Value), Interval(rate.Item2.Win), Two(rate.Item2.Win.StandardError), Two(rate.Item2.LengthControlled.Win.Value),
            Interval(rate.Item2.LengthControlled.Win), Whole(rate.Item2.Wins), Whole(rate.Item2.Losses), Whole(rate.Item2.Ties), rate.Item2.Consistency is { } share ? $"{share:P1}" : "-",
        }));
        ResultTable.Write(console.Results, ["", ">all"],
        [
            ["prompts without a verdict", Whole(report.All.Unjudged)],
            ["prompts with one order only", Whole(report.All.OneOrder)],
            ["preference for the first place", report.All.FirstPlaceShare is { } first ? $"{first:P1}" : "-"],
            ["characters of an answer", $"{report.All.ModelLength:0} against {report.All.BaselineLength:0}"],
        ]);
        Finish(console, report.Failures, report.Calls, report.Files);
    }

    public static void Write(CliConsole console, MtBenchReport report)
    {
        Write(console, report.Table);
        Finish(console, report.Failures, report.Calls, report.Files);
    }

    public static void Write(CliConsole console, MtBenchTable table) => ResultTable.Write(console.Results,
        ["category", ">questions", ">turn 1", ">turn 2", ">mean", ">95 %", ">without a score"], table.Categories.Append(table.All).Select(row => new[]
        {
            row.Name, Whole(row.Questions), row.Turn1 is { } one ? Two(one) : "-", row.Turn2 is { } two ? Two(two) : "-",
            row.Questions == 0 ? "-" : Two(row.Mean.Value), row.Questions == 0 ? "-" : Interval(row.Mean), Whole(row.Unscored),
        }));

    /// <summary>What --dry-run found.</summary>
    public static int Write(CliConsole console, JudgedEstimate estimate, string what, JudgedOptions options)
    {
        if (options.Json)
        {
            JsonResult.Write(console.Output, estimate);
            return ExitCodes.Done;
        }
        ResultTable.Write(console.Results, ["role", "model", ">calls", ">answered before", ">prompt tokens, about", ">answer tokens, at most", ">cost, at most"], estimate.Models.Select(model => new[]
        {
            model.Role, model.Model, Whole(model.Ahead.Calls), Whole(model.Answered), Whole(model.Ahead.PromptTokens), Whole(model.Ahead.CompletionTokens), Money(model.Ahead.Cost),
        }));
        console.Output.WriteLine($"{Whole(estimate.Items)} {what}; paid for so far: {Several(estimate.Spent.Calls, "call")}, a cost of {Money(estimate.Spent.Cost)}; nothing was sent or written");
        var all = estimate.Models.Aggregate(estimate.Spent, (sum, model) => sum + model.Ahead);
        foreach (var line in PlanText.Remarks(options.MaxReasks, options.Budget, all).Concat(estimate.Notes)) console.Output.WriteLine(OneLine(line));
        return ExitCodes.Done;
    }

    private static void Finish(CliConsole console, IReadOnlyList<string> failures, IReadOnlyList<Zephyr.Feedback.Calls.ModelUsage> calls, IReadOnlyList<string> files)
    {
        CallTable.Write(console.Results, calls);
        foreach (var failure in failures.Take(Named)) console.Output.WriteLine(OneLine($"failed: {failure}"));
        if (failures.Count > Named) console.Output.WriteLine($"failed: {failures.Count - Named} more");
        foreach (var file in files) console.Output.WriteLine(OneLine($"wrote {file}"));
    }

    private static string Two(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);

    private static string Interval(Estimate estimate) => $"{Two(estimate.Low)} to {Two(estimate.High)}";
}
