using Spectre.Console;
using Zephyr.Pipeline;

namespace Zephyr.Cli.Rendering;

/// <summary>What aif made of the scored answers.</summary>
internal static class AuditTable
{
    public static void Write(IAnsiConsole console, AiFeedbackResult result)
    {
        if (result.Asked is { } asked) CallTable.Write(console, asked, result.Pairs is null ? result.Files : []);
        if (result.Pairs is not { } audit) return;
        ResultTable.Write(console, ["", ">count"],
        [
            ["prompts read", $"{audit.Rows}"],
            ["pairs for training", $"{audit.TrainPairs}"],
            ["pairs for testing", $"{audit.TestPairs}"],
            .. Dropped("prompt without a pair", audit.DroppedPrompts),
            .. Dropped("answer left out", audit.DroppedCompletions),
            .. audit.DroppedRatings > 0 ? [["rating left out of its answer's mean", $"{audit.DroppedRatings}"]] : Array.Empty<string[]>(),
            ["chosen is the longer answer", $"{audit.Length.LongerShare:P1}"],
        ]);
        ResultTable.Write(console, ["model", ">answers", ">chosen", ">rejected"],
            audit.Models.Select(model => new[] { model.Model, $"{model.Answers}", $"{model.Chosen}", $"{model.Rejected}" }));
    }

    private static IEnumerable<IReadOnlyList<string>> Dropped<T>(string what, IReadOnlyDictionary<T, int> counts) =>
        counts.Where(count => count.Value > 0).Select(count => new[] { $"{what}: {PlainText.Words($"{count.Key}")}", $"{count.Value}" });
}
