using System.Text.Json;
using System.Text.Json.Nodes;
using Zephyr.Configuration;
using Zephyr.Feedback.Calls;
using Zephyr.Feedback.Judging;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>What an evaluation in which a judge is asked is told, whatever it asks.</summary>
/// <param name="OutputDir">Receives the journal of calls and the results. The same command again goes on from the journal.</param>
/// <param name="Judge">The judge's name in the pool.</param>
/// <param name="Budget">Models, and caps.</param>
/// <param name="Rubrics">A folder of rubrics in the place of the built-in ones; null for none.</param>
/// <param name="Seed">Of the fences' codes, of answers and of the bootstrap.</param>
public sealed record JudgedSettings(string OutputDir, string Judge, BudgetOptions Budget, string? Rubrics, long Seed)
{
    /// <summary>How often a judge whose answer cannot be read is asked again.</summary>
    public int MaxReasks { get; init; } = 2;

    /// <summary>Temperature of the judge; 0 is greedy.</summary>
    public double JudgeTemperature { get; init; }

    /// <summary>The most tokens of a judgment.</summary>
    public int JudgeMaxNewTokens { get; init; } = 2048;

    /// <summary>Temperature of answers that are generated; null for what the evaluation's authors use.</summary>
    public double? Temperature { get; init; }

    /// <summary>The most tokens of an answer.</summary>
    public int MaxNewTokens { get; init; } = 1024;

    /// <summary>Samples of the bootstrap.</summary>
    public int BootstrapSamples { get; init; } = 2000;
}

/// <summary>What figures rest on, kept beside them: who answered and who judged what, and how they were asked.</summary>
/// <param name="Zephyr">The program's version.</param>
/// <param name="Answers">Whose answers are judged.</param>
/// <param name="Baseline">Whose they are compared with; null for none.</param>
/// <param name="Items">The files of prompts or questions, and of right answers.</param>
/// <param name="Settings">How they were asked, keys that were not given with their defaults.</param>
public sealed record JudgedRecord(string? Zephyr, AnswerSide Answers, AnswerSide? Baseline, IReadOnlyList<string> Items, JudgedSettings Settings)
{
    internal static JudgedRecord Of(JudgedSettings settings, AnswerSide answers, AnswerSide? baseline, IReadOnlyList<string> items) =>
        new(RunRecord.Version, answers, baseline, items, settings);
}

/// <summary>What asking would come to.</summary>
/// <param name="Models">The calls ahead by role and model.</param>
/// <param name="Spent">What earlier starts of the run have paid for.</param>
/// <param name="Items">Prompts or questions.</param>
/// <param name="Notes">What the run needs besides and is not there, and what it does without.</param>
public sealed record JudgedEstimate(IReadOnlyList<ModelEstimate> Models, CallUsage Spent, int Items, IReadOnlyList<string> Notes);

/// <summary>The ground of judged evaluations: a pool behind a journal in the output folder, and results that appear whole.</summary>
internal sealed class JudgedRun
{
    private readonly JudgedSettings _settings;
    private readonly RubricSet _rubrics;

    /// <param name="settings">What it is told.</param>
    /// <param name="results">The file of the evaluation's figures.</param>
    /// <param name="record">What they rest on.</param>
    /// <param name="models">Models that answer, with the keys that name them.</param>
    /// <exception cref="UserErrorException">A model or a rubric is not there, or the folder is another stage's or another evaluation's.</exception>
    public JudgedRun(JudgedSettings settings, string results, JudgedRecord record, params (string Key, IReadOnlyList<string> Names)[] models)
    {
        (_settings, Record) = (settings, record);
        _rubrics = RubricSet.Load(settings.Rubrics);
        Pool = ModelPool.Of([.. models, ("judge", [settings.Judge])], settings.Budget.Endpoints);
        if (File.Exists(settings.OutputDir)) throw new UserErrorException($"output_dir {settings.OutputDir}: found a file, expected a folder");
        if (OutputFolder.StageOf(settings.OutputDir) is { } stage)
            throw new UserErrorException($"output_dir {settings.OutputDir}: holds the output of {stage}, expected a folder of its own");
        foreach (var other in new[] { "winrate.json", "mtbench.json" })
        {
            if (WhatIsThere(Path.Combine(settings.OutputDir, other)) is not { } there || other == results && there == WhatOf(JsonSerializer.SerializeToNode(record, ResultNames)!)) continue;
            throw new UserErrorException($"output_dir {settings.OutputDir}: {other} holds {(other == results ? "figures of other answers or other prompts" : "those of another evaluation")}, expected a folder of its own, or the same ones again");
        }
    }

    /// <summary>What the figures rest on.</summary>
    public JudgedRecord Record { get; }

    private static readonly JsonSerializerOptions ResultNames = new() { PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower };

    /// <summary>Whose answers to what a file of figures is about; null where it is not there, or nobody can tell.</summary>
    private static string? WhatIsThere(string file)
    {
        try
        {
            return File.Exists(file) && JsonNode.Parse(File.ReadAllText(file))?["record"] is { } record ? WhatOf(record) : null;
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException or JsonException or InvalidOperationException)
        {
            return null;
        }
    }

    private static string WhatOf(JsonNode record) => string.Join('\n', new[] { "answers", "baseline", "items" }.Select(name => record[name]?.ToJsonString()));

    /// <summary>The models.</summary>
    public ModelPool Pool { get; }

    private string Journal => Path.Combine(_settings.OutputDir, "calls.jsonl");

    /// <summary>A judge that asks through calls.</summary>
    public Inquiry Inquiry(IModelCalls calls) =>
        new(calls, _rubrics, new(_settings.Judge, _settings.Seed, _settings.MaxReasks, _settings.JudgeTemperature, _settings.JudgeMaxNewTokens));

    /// <summary>Asks about every item and returns what came of them in their order, with what the calls came to.</summary>
    /// <exception cref="RunFailedException">The budget is spent, a model refuses all calls, or something cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was stopped; answers are kept.</exception>
    public async Task<(IReadOnlyList<TResult> Results, IReadOnlyList<ModelUsage> Usage)> Ask<TItem, TResult>(
        IReadOnlyList<TItem> items, string what, Func<IModelCalls, TItem, CancellationToken, Task<TResult>> ask, ICallObserver observer, CancellationToken cancellation)
    {
        Guard(() => Directory.CreateDirectory(_settings.OutputDir));
        await using var calls = new ModelCalls(new(Pool, _settings.Budget, Journal, _settings.Seed, LocalModels.Open, observer, TimeProvider.System));
        if (calls.Found > 0) observer.OnNote($"{Journal}: {calls.Found} calls of earlier starts; those of them that are asked for again are not made again");
        var results = new List<TResult>();
        await foreach (var result in OrderedWork.Run(items, Math.Max(8, 2 * Pool.Concurrency), (item, stop) => ask(calls, item, stop), cancellation).ConfigureAwait(false))
        {
            results.Add(result);
            observer.OnItems(what, results.Count, items.Count);
        }
        return (results, calls.Usage);
    }

    /// <summary>Adds up the calls that would be made, and makes none.</summary>
    public JudgedEstimate Estimate<TItem>(IReadOnlyList<TItem> items, Action<CallEstimate, Inquiry, TItem> add)
    {
        using var estimate = new CallEstimate(Pool, _settings.Budget, Journal);
        var inquiry = Inquiry(new Unasked());
        foreach (var item in items) add(estimate, inquiry, item);
        return new(estimate.Models, estimate.Spent, items.Count, [.. Pool.MissingKeys]);
    }

    /// <summary>What stands for an answer that is not there yet: it is taken to be as long as it may be.</summary>
    public string LongestAnswer => new('x', 4 * _settings.MaxNewTokens);

    /// <summary>Writes a result of the folder, whole.</summary>
    public string Write(string name, string text)
    {
        var path = Path.Combine(_settings.OutputDir, name);
        Guard(() => WholeFile.Write(path, text));
        return path;
    }

    /// <summary>Lines of JSON.</summary>
    public static string Lines(IEnumerable<JsonObject> rows) => string.Concat(rows.Select(row => row.ToJsonString(Readable) + "\n"));

    private static readonly JsonSerializerOptions Readable = new() { Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private void Guard(Action write)
    {
        try
        {
            write();
        }
        catch (Exception error) when (error is IOException or UnauthorizedAccessException)
        {
            throw new RunFailedException($"output_dir {_settings.OutputDir}: cannot be written: {error.Message}", error);
        }
    }

    /// <summary>For a judge that is only looked at.</summary>
    private sealed class Unasked : IModelCalls
    {
        public Task<CallAnswer> Ask(ModelCall question, CancellationToken cancellation) => throw new InvalidOperationException("an estimate asks nothing");
    }
}
