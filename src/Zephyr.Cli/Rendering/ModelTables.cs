using System.Globalization;
using System.Text.RegularExpressions;
using Spectre.Console;
using Zephyr.Model.Weights;
using Zephyr.Pipeline;
using static Zephyr.Cli.Rendering.PlainText;

namespace Zephyr.Cli.Rendering;

/// <summary>What a model folder holds.</summary>
internal static partial class ModelTables
{
    /// <summary>Writes its shape, its files and its tensors.</summary>
    /// <param name="console">stdout.</param>
    /// <param name="model">The folder.</param>
    /// <param name="all">A line for every tensor.</param>
    public static void Write(IAnsiConsole console, ModelInspection model, bool all)
    {
        var (summary, config) = (model.Summary, model.Summary.Config);
        ResultTable.Write(console, [config.Architecture, ">value"],
        [
            ["hidden size", Whole(config.HiddenSize)],
            ["layers", Whole(config.NumHiddenLayers)],
            ["query heads", Whole(config.NumAttentionHeads)],
            ["key-value heads", Whole(config.NumKeyValueHeads)],
            ["head width", Whole(config.HeadDim)],
            ["feed-forward size", Whole(config.IntermediateSize)],
            ["vocabulary", Whole(config.VocabSize)],
            ["positions", Whole(config.MaxPositionEmbeddings)],
            ["sliding window", config.SlidingWindow is { } window ? Whole(window) : "none"],
            ["rope theta", config.RopeTheta.ToString("N0", CultureInfo.InvariantCulture)],
            ["head", config.TieWordEmbeddings ? "tied to the embedding" : "its own"],
            ["parameters", Whole(config.ParameterCount)],
            ["tensors", Whole(summary.Tensors.Count)],
            ["bytes of weights", Whole(summary.Tensors.Sum(tensor => tensor.Bytes))],
        ]);
        ResultTable.Write(console, ["file", ">tensors", ">bytes"], summary.Files.Select(file =>
            new[] { file.Name, Whole(summary.Tensors.Count(tensor => tensor.File == file.Name)), Whole(file.Bytes) }));
        WriteTensors(console, summary.Tensors, all);
        console.WriteLine($"tokenizer: {OneLine(model.Tokenizer)}");
        console.WriteLine($"generation_config.json: {OneLine(model.Generation ?? "none")}");
        WriteDifferences(console, summary.Differences);
        console.WriteLine(model.IsWhole ? "whole: a stage can start from it" : "not whole: no stage can start from it");
    }

    /// <summary>Writes a table of tensors.</summary>
    public static void WriteTensors(IAnsiConsole console, IReadOnlyList<TensorSummary> tensors, bool all) =>
        ResultTable.Write(console, ["tensor", ">count", "type", ">shape", ">bytes", "file"], Groups(tensors, all).Select(Row));

    /// <summary>Writes a line for each tensor that is not as it should be.</summary>
    public static void WriteDifferences(IAnsiConsole console, WeightDifferences differences)
    {
        foreach (var (what, names) in new[] { ("missing", differences.Missing), ("unexpected", differences.Unexpected), ("mis-shaped", differences.Misshaped) })
            foreach (var name in names) console.WriteLine(OneLine($"{what}: {name}"));
    }

    /// <summary>Tensors that differ in their layer only, in the order of their first.</summary>
    private static IEnumerable<(string Name, IReadOnlyList<TensorSummary> Tensors)> Groups(IReadOnlyList<TensorSummary> tensors, bool all) => all
        ? tensors.Select(tensor => (tensor.Name, (IReadOnlyList<TensorSummary>)[tensor]))
        : tensors.GroupBy(tensor => (Name: Layer().Replace(tensor.Name, "*"), tensor.Dtype, Shape: string.Join(',', tensor.Shape)))
            .Select(group => (group.Key.Name.Replace("*", Ranges(group), StringComparison.Ordinal), (IReadOnlyList<TensorSummary>)[.. group]));

    private static string Ranges(IEnumerable<TensorSummary> tensors)
    {
        var layers = tensors.Select(tensor => Layer().Match(tensor.Name)).Where(match => match.Success)
            .Select(match => int.Parse(match.Value, CultureInfo.InvariantCulture)).Order().ToList();
        var ranges = new List<string>();
        for (int i = 0, end; i < layers.Count; i = end + 1)
        {
            for (end = i; end + 1 < layers.Count && layers[end + 1] == layers[end] + 1;) end++;
            ranges.Add(end == i ? $"{layers[i]}" : $"{layers[i]}-{layers[end]}");
        }
        return string.Join(',', ranges);
    }

    private static string[] Row((string Name, IReadOnlyList<TensorSummary> Tensors) group)
    {
        var files = group.Tensors.Select(tensor => tensor.File).Distinct().ToList();
        return
        [
            group.Name, Whole(group.Tensors.Count), group.Tensors[0].Dtype, string.Join(" x ", group.Tensors[0].Shape),
            Whole(group.Tensors.Sum(tensor => tensor.Bytes)), files.Count == 1 ? files[0] : $"{files.Count} files",
        ];
    }

    [GeneratedRegex(@"(?<=^model\.layers\.)\d{1,6}(?=\.)")]
    private static partial Regex Layer();
}
