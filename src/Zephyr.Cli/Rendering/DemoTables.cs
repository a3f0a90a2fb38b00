using Spectre.Console;
using Zephyr.Pipeline;

namespace Zephyr.Cli.Rendering;

/// <summary>What the demo showed.</summary>
internal static class DemoTables
{
    public static void Write(IAnsiConsole console, DemoResult result, string outputDir, TimeSpan time)
    {
        ResultTable.Write(console, ["held-out rows", ">before", ">after"],
        [
            Row("sft  loss", "eval_loss", result.SftBefore, result.SftAfter),
            Row("dpo  loss", "eval_loss", result.DpoBefore, result.DpoAfter),
            Row("dpo  accuracy", "eval_rewards/accuracies", result.DpoBefore, result.DpoAfter),
            Row("dpo  margin", "eval_rewards/margins", result.DpoBefore, result.DpoAfter),
        ]);
        console.WriteLine($"aif: {result.Audit.Pairs} pairs from {result.Audit.Rows} prompts; the chosen answer is the longer one in {result.Audit.Length.LongerShare:P1}");
        foreach (var answer in result.Answers)
        {
            console.WriteLine();
            foreach (var (who, text) in new[] { ("user", answer.Prompt), ("base", answer.Base), ("sft", answer.Sft), ("dpo", answer.Dpo) })
                console.WriteLine($"{who,-5} {PlainText.OneLine(text)}");
        }
        console.WriteLine();
        console.WriteLine($"done in {PlainText.Duration(time)}; the models are in {outputDir}: try  zephyr generate "
            + $"--model {Path.Combine(outputDir, "dpo")} --prompt \"How do I keep bread fresh?\"");
    }

    private static string[] Row(string name, string metric, IReadOnlyDictionary<string, double> before, IReadOnlyDictionary<string, double> after) =>
        [name, PlainText.Metric(metric, before[metric]), PlainText.Metric(metric, after[metric])];
}
