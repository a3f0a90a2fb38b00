using System.Text.Json;
using System.Text.Json.Nodes;
using Zephyr.Configuration;
using Zephyr.Data.Cleaning;
using Zephyr.Data.Sources;
using Zephyr.Feedback;
using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>What <see cref="DatasetCleaning.Run(ResolvedConfig{CleanConfig}, ITrainingObserver, CancellationToken)"/> did, or would do.</summary>
/// <param name="Inputs">The files that were read.</param>
/// <param name="Files">The files that were written; none where nothing was.</param>
/// <param name="Report">What went in, what came out and what each rule did.</param>
/// <param name="Notes">Lines about rows that cannot be used.</param>
public sealed record CleaningResult(IReadOnlyList<string> Inputs, IReadOnlyList<string> Files, CleaningReport Report, IReadOnlyList<string> Notes);

/// <summary>
/// The paper's cleaning of UltraChat, before the recipe begins: wrong casing is put right, dialogues whose answers say that they have no feelings, opinions or experiences are
/// left out, and so are rows that evaluation sets share a passage with. Rows keep their form and their other columns, and each file its name.
/// </summary>
public static class DatasetCleaning
{
    private const string ReportName = "report.json", CasingName = "casing.tsv";

    private static readonly StageOutput Own = new("clean", OwnFiles);

    /// <inheritdoc cref="Run(ResolvedConfig{CleanConfig}, ITrainingObserver, CancellationToken)"/>
    public static CleaningResult Run(ResolvedConfig<CleanConfig> resolved, CancellationToken cancel = default) => Run(resolved, SilentObserver.Instance, cancel);

    /// <summary>Cleans the rows: a file for each file, report.json and casing.tsv.</summary>
    /// <param name="resolved">A valid configuration with the origin of its values.</param>
    /// <param name="observer">Is told how far it is.</param>
    /// <param name="cancel">Stops between two rows; nothing is left behind then.</param>
    /// <exception cref="UserErrorException">Bad input, an output folder that holds a run, or no row left.</exception>
    /// <exception cref="RunFailedException">The files could not be written.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public static CleaningResult Run(ResolvedConfig<CleanConfig> resolved, ITrainingObserver observer, CancellationToken cancel = default)
    {
        var config = resolved.Value;
        var (clock, begun) = (TimeProvider.System, TimeProvider.System.GetTimestamp());
        var started = RunHistory.At(clock.GetUtcNow());
        var inputs = Inputs(config);
        using var output = new StagedOutput(config.Run, Own);
        try
        {
            var pass = new CleaningPass(config, inputs, observer, cancel);
            var report = pass.Run(output.PathOf);
            RequireRows(report);
            if (pass.Statistics is { } statistics) File.WriteAllText(output.PathOf(CasingName), CasingFile.Write(statistics));
            File.WriteAllText(output.PathOf(ReportName), report.ToJson());
            var record = RunRecord.Create("clean", resolved.ToJson(), config.Run.Seed, inputs, new());
            record["parts"] = new JsonArray(new JsonObject
            {
                ["outcome"] = "finished",
                ["started"] = started,
                ["ended"] = RunHistory.At(clock.GetUtcNow()),
                ["seconds"] = Math.Round(clock.GetElapsedTime(begun).TotalSeconds, 3),
            });
            RunRecord.Write(output.PathOf(OutputFolder.RecordName), record);
            return new(inputs, output.Commit(last: ReportName), report, pass.Notes);
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RunFailedException($"output_dir {config.Run.OutputDir}: the rows could not be written: {error.Message}", error);
        }
    }

    /// <summary>Reads and judges every row as <see cref="Run(ResolvedConfig{CleanConfig}, ITrainingObserver, CancellationToken)"/> would, and writes nothing.</summary>
    /// <inheritdoc cref="Run(ResolvedConfig{CleanConfig}, ITrainingObserver, CancellationToken)"/>
    public static CleaningResult Plan(ResolvedConfig<CleanConfig> resolved, CancellationToken cancel = default)
    {
        var config = resolved.Value;
        var inputs = Inputs(config);
        StagedOutput.RequireFree(config.Run, Own);
        var pass = new CleaningPass(config, inputs, SilentObserver.Instance, cancel);
        var report = pass.Run(pathOf: null);
        RequireRows(report);
        return new(inputs, [], report, pass.Notes);
    }

    private static IReadOnlyList<string> Inputs(CleanConfig config)
    {
        var inputs = DataFiles.Resolve(config.Clean.Dataset);
        if (inputs.GroupBy(CleaningPass.NameOf).FirstOrDefault(same => same.Count() > 1) is { } twice)
            throw new UserErrorException($"dataset: {string.Join(" and ", twice)} would both be written as {twice.Key}, expected files of different names, or a run for each");
        if (inputs.FirstOrDefault(file => OutputFolder.IsSame(Path.GetDirectoryName(Path.GetFullPath(file))!, config.Run.OutputDir)) is { } own)
            throw new UserErrorException($"output_dir {config.Run.OutputDir}: holds {own}, which is to be cleaned, expected a folder of its own");
        string[] foreign = [.. inputs.SelectMany(file => config.Clean.Formats.Select(format => Path.Combine(config.Run.OutputDir, $"{CleaningPass.NameOf(file)}.{format}")))
            .Where(File.Exists).Except(OwnFiles(config.Run.OutputDir))];
        if (foreign is [var first, ..]) throw new UserErrorException($"output_dir {config.Run.OutputDir}: holds {first}, which no run of clean wrote, expected a folder of its own");
        return inputs;
    }

    private static void RequireRows(CleaningReport report)
    {
        if (report.Kept == 0)
            throw new UserErrorException($"no row is left of {report.Rows}: "
                + string.Join(", ", report.Dropped.Where(drop => drop.Value > 0).Select(drop => $"{JsonNamingPolicy.SnakeCaseLower.ConvertName($"{drop.Key}")} {drop.Value}"))
                + "; expected at least one (keys: drop_disclaimers, decontaminate, decontaminate_ngram)");
    }

    /// <summary>What an earlier run wrote, by its own report: rows of others in the folder are nothing of ours.</summary>
    private static IEnumerable<string> OwnFiles(string folder)
    {
        var report = Path.Combine(folder, ReportName);
        if (!File.Exists(report)) return [];
        try
        {
            var names = JsonNode.Parse(File.ReadAllBytes(report))?["files"]?.AsArray().SelectMany(file => file!["written"]!.AsArray()).Select(name => (string)name!) ?? [];
            return [.. new[] { ReportName, CasingName, OutputFolder.RecordName }.Concat(names.Select(name => Path.GetFileName(name))).Select(name => Path.Combine(folder, name)).Where(File.Exists)];
        }
        catch (Exception error) when (error is JsonException or InvalidOperationException or NullReferenceException or IOException)
        {
            return [report];
        }
    }
}
