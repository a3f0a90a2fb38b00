using System.Globalization;
using Zephyr.Model.Weights;
using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>The optimizer's tensors of one kind.</summary>
/// <param name="Kind">exp_avg, exp_avg_sq, master: what stands before the weight's name.</param>
/// <param name="Tensors">How many.</param>
/// <param name="Bytes">What they take.</param>
public sealed record OptimizerPart(string Kind, int Tensors, long Bytes);

/// <summary>A checkpoint: where the run stood, what is in the folder, whether it is whole.</summary>
/// <param name="Path">Its folder.</param>
/// <param name="Step">Steps taken.</param>
/// <param name="TotalSteps">Steps of the whole run; null where the state does not say.</param>
/// <param name="Epoch">Passes over the rows so far; null likewise.</param>
/// <param name="Tokens">Tokens the policy has seen.</param>
/// <param name="Loss">The mean loss of the steps since the last logged one; null right after one.</param>
/// <param name="EvaluationDue">An evaluation was cut off and is still to be made.</param>
/// <param name="Shape">What a run must share to go on from it.</param>
/// <param name="Parameters">How many numbers are learned.</param>
/// <param name="Bytes">All files.</param>
/// <param name="Optimizer">The optimizer's state.</param>
/// <param name="Problems">What keeps it from being whole.</param>
public sealed record CheckpointInspection(
    string Path, int Step, int? TotalSteps, double? Epoch, long Tokens, double? Loss, bool EvaluationDue, IReadOnlyDictionary<string, string> Shape,
    long Parameters, long Bytes, IReadOnlyList<OptimizerPart> Optimizer, IReadOnlyList<string> Problems)
{
    /// <summary>Reads a checkpoint folder: headers for what is in it, and every byte once for whether it is what was written.</summary>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="cancellation">Ends the reading of large files.</param>
    /// <exception cref="UserErrorException">It has no trainer_state.json, or a broken one.</exception>
    public static CheckpointInspection Of(string folder, CancellationToken cancellation = default)
    {
        var state = TrainingState.Read(folder);
        List<string> problems = [.. CheckpointManifest.Problems(folder, cancellation)];
        var source = Try(() => ModelSource.Of(folder), problems);
        var config = source is null ? null : Try(source.ReadConfig, problems);
        if (source is not null && config is not null)
        {
            Try(() => source.RequireWeights(config), problems);
            if (ModelInspection.TokenizerOf(folder, config) is { Fits: false } unfit) problems.Add(unfit.Words);
        }
        var learned = config is null ? [] : (source!.Adapter?.WeightsOf(config) ?? config.Weights).ToList();
        var file = Try(() => SafetensorsFile.Open(System.IO.Path.Combine(folder, Checkpoint.OptimizerFile)), problems);
        if (file is not null && config is not null) problems.AddRange(OptimizerProblems(file, learned));

        var (batch, accumulation, rows) = (Number(state, RunShape.BatchSize), Number(state, RunShape.Accumulation), Number(state, RunShape.Rows));
        return new(folder, state.Step, Number(state, RunShape.TotalSteps),
            batch > 0 && accumulation > 0 && rows > 0 ? new BatchPlan(rows.Value, batch.Value, accumulation.Value, null).EpochAfter(state.Step) : null,
            state.Tokens, state is { TallySums: [var sum, ..], TallyWeights: [> 0 and var weight, ..] } ? sum / weight : null, state.EvaluationDue, state.Shape,
            learned.Sum(weight => weight.Shape.Aggregate(1L, (product, size) => product * size)), Directory.EnumerateFiles(folder).Sum(path => new FileInfo(path).Length), PartsOf(file), problems);
    }

    /// <summary>The same of a folder among others: where its state cannot be read, that is its problem.</summary>
    /// <param name="step">The step in its name.</param>
    /// <param name="folder">The checkpoint.</param>
    /// <param name="cancellation">Ends the reading of large files.</param>
    internal static CheckpointInspection Named(int step, string folder, CancellationToken cancellation)
    {
        try
        {
            return Of(folder, cancellation);
        }
        catch (UserErrorException error)
        {
            return new(folder, step, null, null, 0, null, false, new Dictionary<string, string>(), 0, Directory.EnumerateFiles(folder).Sum(path => new FileInfo(path).Length), [],
                [.. CheckpointManifest.Problems(folder, cancellation), error.Message]);
        }
    }

    private static int? Number(TrainingState state, string key) =>
        int.TryParse(state.Shape.GetValueOrDefault(key), NumberStyles.None, CultureInfo.InvariantCulture, out var number) ? number : null;

    private static List<OptimizerPart> PartsOf(SafetensorsFile? file) => file is null ? [] : [.. file.Entries.Values
        .GroupBy(entry => KindAndName(entry.Name).Kind).OrderBy(kind => kind.Key, StringComparer.Ordinal)
        .Select(kind => new OptimizerPart(kind.Key, kind.Count(), kind.Sum(entry => entry.End - entry.Begin)))];

    /// <summary>Every kind of state must be there for every weight, and for nothing else.</summary>
    private static IEnumerable<string> OptimizerProblems(SafetensorsFile file, IReadOnlyList<(string Name, long[] Shape)> learned)
    {
        var weights = learned.Select(weight => weight.Name).ToHashSet();
        foreach (var kind in file.Entries.Keys.Select(KindAndName).GroupBy(name => name.Kind, name => name.Weight))
        {
            var names = kind.ToHashSet();
            if (names.Except(weights).Order(StringComparer.Ordinal).ToList() is { Count: > 0 } unknown)
                yield return $"{Checkpoint.OptimizerFile}: {kind.Key} of no weight of the model: {string.Join(", ", unknown)}";
            else if (weights.Except(names).Order(StringComparer.Ordinal).ToList() is { Count: > 0 } missing)
                yield return $"{Checkpoint.OptimizerFile}: no {kind.Key} of {string.Join(", ", missing)}";
        }
        if (file.Entries.Count == 0) yield return $"{Checkpoint.OptimizerFile}: it holds no tensor";
    }

    private static (string Kind, string Weight) KindAndName(string name) =>
        name.IndexOf('.', StringComparison.Ordinal) is > 0 and var dot ? (name[..dot], name[(dot + 1)..]) : (name, "");

    private static void Try(Action check, List<string> problems) => Try(() =>
    {
        check();
        return "";
    }, problems);

    private static T? Try<T>(Func<T> read, List<string> problems) where T : class
    {
        try
        {
            return read();
        }
        catch (UserErrorException error)
        {
            problems.Add(error.Message);
            return null;
        }
    }
}
