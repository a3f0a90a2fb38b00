using System.Globalization;
using Spectre.Console;
using Zephyr.Pipeline;
using static Zephyr.Cli.Rendering.PlainText;

namespace Zephyr.Cli.Rendering;

/// <summary>What an adapter folder holds.</summary>
internal static class AdapterTables
{
    /// <summary>Writes its shape and its factors.</summary>
    /// <param name="console">stdout.</param>
    /// <param name="adapter">The folder.</param>
    /// <param name="all">A line for every tensor.</param>
    public static void Write(IAnsiConsole console, AdapterInspection adapter, bool all)
    {
        var config = adapter.Config;
        ResultTable.Write(console, ["LoRA adapter", ">value"],
        [
            ["rank", Whole(config.R)],
            ["alpha", Number(config.Alpha)],
            ["scale", config.UseRslora ? "alpha / sqrt(rank)" : "alpha / rank"],
            ["dropout", Number(config.Dropout)],
            ["modules", string.Join(", ", config.TargetModules)],
            .. config.RankPattern.Count + config.AlphaPattern.Count > 0 ? [["patterns", $"{config.RankPattern.Count} of ranks, {config.AlphaPattern.Count} of alphas"]] : Array.Empty<string[]>(),
            .. config.LayersToTransform is { } layers ? [["layers", string.Join(", ", layers)]] : Array.Empty<string[]>(),
            ["parameters", Whole(adapter.Parameters)],
            .. adapter.BaseParameters > 0 ? [["parameters under it", Whole(adapter.BaseParameters)]] : Array.Empty<string[]>(),
            ["tensors", Whole(adapter.Tensors.Count)],
            ["bytes of the file", Whole(adapter.Bytes)],
        ]);
        // What all of PEFT's names begin with says nothing, and takes the room of a column.
        ModelTables.WriteTensors(console, [.. adapter.Tensors.Select(tensor => tensor with { Name = tensor.Name.Replace("base_model.model.", "", StringComparison.Ordinal) })], all);
        console.WriteLine($"model under it: {OneLine(adapter.Base)}");
        console.WriteLine($"tokenizer: {OneLine(adapter.Tokenizer)}");
        ModelTables.WriteDifferences(console, adapter.Differences);
        console.WriteLine(adapter.IsWhole ? "whole: a stage can start from it" : "not whole: no stage can start from it");
    }

    private static string Number(double number) => number.ToString("R", CultureInfo.InvariantCulture);
}
