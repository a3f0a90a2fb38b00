using System.Globalization;
using Spectre.Console;
using Zephyr.Feedback;
using Zephyr.Feedback.Audit;
using Zephyr.Pipeline;

namespace Zephyr.Cli.Rendering;

/// <summary>What aif made of the scored answers.</summary>
internal static class AuditTable
{
    public static void Write(CliConsole console, AiFeedbackResult result)
    {
        if (result.Asked is { } asked) CallTable.Write(console.Results, asked);
        if (result.Pairs is { } audit) Write(console.Results, audit);
        foreach (var file in result.Files) console.Output.WriteLine(PlainText.OneLine($"wrote {file}"));
    }

    private static void Write(IAnsiConsole console, FeedbackAudit audit)
    {
        ResultTable.Write(console, ["", ">count"],
        [
            ["prompts read", $"{audit.Rows}"],
            .. (audit.BadRows ?? audit.Asking?.BadRows ?? []).Select(bad => new[] { $"row left out: {bad.Reason}", $"{bad.Rows}" }),
            ["pairs for training", $"{audit.TrainPairs}"],
            ["pairs for testing", $"{audit.TestPairs}"],
            .. Dropped("prompt without a pair", audit.DroppedPrompts),
            .. Dropped("answer left out", audit.DroppedCompletions),
            .. audit.DroppedRatings > 0 ? [["rating left out of its answer's mean", $"{audit.DroppedRatings}"]] : Array.Empty<string[]>(),
            ["chosen is the longer answer", $"{audit.Length.LongerShare:P1}"],
            ["correlation of score and length", Figure(audit.Length.Correlation.Pearson)],
            ["... within a prompt's answers", Figure(audit.Length.Correlation.WithinPrompts)],
            .. audit.Duplicates is { } same ? Duplicates(same) : [],
            .. audit.Contamination is { } found ? [[$"prompts that occur in the {found.EvaluationTexts} evaluation texts", $"{found.Prompts}"]] : Array.Empty<string[]>(),
        ]);
        ResultTable.Write(console, ["model", ">answers", ">chosen", ">rejected"],
            audit.Models.Select(model => new[] { model.Model, $"{model.Answers}", $"{model.Chosen}", $"{model.Rejected}" }));
        if (audit.Agreement.Count > 0)
            ResultTable.Write(console, ["agreement of", "and", ">answers", ">Spearman", ">Pearson"],
                audit.Agreement.Select(pair => new[] { pair.First, pair.Second, $"{pair.Answers}", Figure(pair.Spearman), Figure(pair.Pearson) }));
        if (audit.Position.Count > 0)
            ResultTable.Write(console, ["judgment", ">place", ">ratings", ">mean", ">chosen", ">expected", ">chi-square", ">p"], audit.Position.SelectMany(Positions));
    }

    private static IEnumerable<string[]> Duplicates(DuplicateRecord same) =>
    [
        ["prompts with the same words as another", $"{same.SameWords}"],
        [string.Create(CultureInfo.InvariantCulture, $"prompts nearly the same as another (Jaccard {same.Threshold})"), $"{same.NearDuplicates}"],
    ];

    private static IEnumerable<string[]> Positions(PositionRecord record) => record.Positions.Select((count, i) => new[]
    {
        i == 0 ? record.Judgment : "", $"{count.Position}", $"{count.Ratings}", Figure(count.Mean), $"{count.Chosen}", count.Expected.ToString("0.0", CultureInfo.InvariantCulture),
        i == 0 ? Figure(record.Test?.Statistic) : "", i == 0 ? Figure(record.Test?.PValue) : "",
    });

    private static string Figure(double? value) => value is { } number ? number.ToString("0.000", CultureInfo.InvariantCulture) : "-";

    private static IEnumerable<IReadOnlyList<string>> Dropped<T>(string what, IReadOnlyDictionary<T, int> counts) =>
        counts.Where(count => count.Value > 0).Select(count => new[] { $"{what}: {PlainText.Words($"{count.Key}")}", $"{count.Value}" });
}
