using System.Globalization;
using Spectre.Console;
using Zephyr.Evaluation;
using Zephyr.Evaluation.Statistics;
using static Zephyr.Cli.Rendering.PlainText;

namespace Zephyr.Cli.Rendering;

/// <summary>The figures of evaluations as tables.</summary>
internal static class EvaluationTables
{
    public static void Write(IAnsiConsole console, PerplexityReport report)
    {
        ResultTable.Write(console, ["rows", ">count", ">tokens", ">loss", ">perplexity", ">95 %", ">bits a byte"], report.Sources.Append(report.All).Select(figures => new[]
        {
            figures.Name, Whole(figures.Rows), Whole(figures.Tokens), Four(figures.Loss.Value), Four(figures.Perplexity.Value), Interval(figures.Perplexity), Four(figures.BitsPerByte),
        }));
        ResultTable.Write(console, ["", ">count"],
            [["conversations", Whole(report.Conversations)], ["cut to the greatest length", Whole(report.CutConversations)], ["tokens cut off", Whole(report.CutTokens)]]);
    }

    public static void Write(IAnsiConsole console, PreferenceReport report)
    {
        ResultTable.Write(console, ["pairs", ">count", ">accuracy", ">95 %", ">margin", ">95 %", ">loss", ">ECE", ">Brier", ">accuracy a token"], report.Sources.Append(report.All).Select(figures => new[]
        {
            figures.Name, Whole(figures.Pairs), Four(figures.Accuracy.Value), Interval(figures.Accuracy), Four(figures.Margin.Value), Interval(figures.Margin), Four(figures.Loss),
            Four(figures.Calibration.Ece), Four(figures.Calibration.Brier), Four(figures.PerTokenAccuracy.Value),
        }));
        ResultTable.Write(console, ["confidence", ">pairs", ">mean confidence", ">accuracy"], report.All.Calibration.Bins.Where(bin => bin.Count > 0).Select(bin => new[]
        {
            string.Create(CultureInfo.InvariantCulture, $"{bin.From:0.000} to {bin.To:0.000}"), Whole(bin.Count), Four(bin.Confidence), Four(bin.Accuracy),
        }));
        ResultTable.Write(console, ["", ">count"], [["ties", Whole(report.All.Ties)], ["pairs cut to the greatest lengths", Whole(report.All.CutPairs)]]);
    }

    internal static string Four(double value) => value.ToString("0.0000", CultureInfo.InvariantCulture);

    internal static string Interval(Estimate estimate) => $"{Four(estimate.Low)} to {Four(estimate.High)}";
}
