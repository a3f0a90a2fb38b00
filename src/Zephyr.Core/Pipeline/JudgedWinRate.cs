using System.Text.Json.Nodes;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Evaluation;
using Zephyr.Evaluation.Statistics;
using Zephyr.Feedback;
using Zephyr.Feedback.Calls;
using Zephyr.Feedback.Judging;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>Where the answers of one of two models come from.</summary>
/// <param name="Key">model or baseline, for messages.</param>
/// <param name="Model">A name of the pool, which answers the prompts; null where there are files.</param>
/// <param name="Files">Files with its answers; none where a model answers.</param>
public sealed record AnswerSide(string Key, string? Model, IReadOnlyList<string> Files);

/// <summary>What came of a win rate.</summary>
/// <param name="All">The figures; null where no prompt has a verdict.</param>
/// <param name="Sources">The same by source, in ordinal order; none where no row says its source.</param>
/// <param name="Failures">Answers and verdicts that could not be had, with their reasons.</param>
/// <param name="Calls">What asking came to.</param>
/// <param name="Files">Files written.</param>
/// <param name="Record">What the figures rest on.</param>
public sealed record WinRateReport(
    WinRate? All, IReadOnlyList<KeyValuePair<string, WinRate>> Sources, IReadOnlyList<string> Failures, IReadOnlyList<ModelUsage> Calls, IReadOnlyList<string> Files, JudgedRecord Record);

/// <summary>
/// How often a judge prefers one model's answers to another's, as AlpacaEval asks it, but with both orders of the answers. Answers come from files or from models of the pool.
/// </summary>
public sealed class JudgedWinRate
{
    private sealed record Prompt(string Text, string? Source, double? Difficulty);

    private sealed record Outcome(Prompt Prompt, string? Model, string? Baseline, PairJudgment? Judgment, string? Failure);

    private readonly JudgedSettings _settings;
    private readonly JudgedRun _run;
    private readonly AnswerSide _model, _baseline;
    private readonly Dictionary<string, AnswerRow>? _modelAnswers, _baselineAnswers;
    private readonly Prompt[] _prompts;

    /// <summary>Reads what it needs; asks nothing.</summary>
    /// <param name="settings">What it is told.</param>
    /// <param name="model">The model.</param>
    /// <param name="baseline">The other one.</param>
    /// <param name="prompts">Prompts; none for those that the answers are to.</param>
    /// <exception cref="UserErrorException">Something is not there, or a prompt has no answer in a file.</exception>
    public JudgedWinRate(JudgedSettings settings, AnswerSide model, AnswerSide baseline, IReadOnlyList<string> prompts)
    {
        (_settings, _model, _baseline) = (settings, model, baseline);
        _run = new(settings, "winrate.json", JudgedRecord.Of(settings, model, baseline, prompts), [.. new[] { model, baseline }.Where(side => side.Model is not null).Select(side => (side.Key, (IReadOnlyList<string>)[side.Model!]))]);
        (_modelAnswers, _baselineAnswers) = (Answers(model), Answers(baseline));
        var rows = prompts.Count > 0 ? PromptSchema.Read(PromptSchema.Resolve(prompts)).Select(row => (row.Prompt, Source: row.Source.Length > 0 ? row.Source : null))
            : (_modelAnswers ?? _baselineAnswers)?.Values.Select(row => (row.Prompt, row.Source))
            ?? throw new UserErrorException("prompts: two models of the pool are to answer, and there is nothing to ask them: expected a file of prompts");
        _prompts = [.. rows.DistinctBy(row => row.Prompt).Select(row => new Prompt(row.Prompt, row.Source ?? Known(row.Prompt, answer => answer.Source), Known(row.Prompt, answer => answer.Difficulty)))];
        foreach (var (side, answers) in new[] { (model, _modelAnswers), (baseline, _baselineAnswers) })
            if (answers is not null && _prompts.FirstOrDefault(prompt => !answers.ContainsKey(prompt.Text)) is { } missing)
                throw new UserErrorException($"{string.Join(", ", side.Files)}: has no answer of the {side.Key} to the prompt {DataRow.Describe(missing.Text)["the text ".Length..]}, expected one for each of the {_prompts.Length} prompts");
    }

    /// <summary>Asks, and writes judgments.jsonl and winrate.json beside the journal.</summary>
    /// <exception cref="RunFailedException">The budget is spent, a model refuses all calls, or something cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was stopped; answers are kept.</exception>
    public async Task<WinRateReport> Run(ICallObserver observer, Func<object, string> toJson, CancellationToken cancellation)
    {
        var (outcomes, usage) = await _run.Ask(_prompts, "prompts", Judge, observer, cancellation).ConfigureAwait(false);
        var bootstrap = new Bootstrap(_settings.Seed, _settings.BootstrapSamples);
        var groups = outcomes.Where(outcome => outcome.Prompt.Source is not null).GroupBy(outcome => outcome.Prompt.Source!).OrderBy(group => group.Key, StringComparer.Ordinal)
            .Select(group => (group.Key, Rate: WinRate.Of([.. group.Select(ComparisonOf)], bootstrap))).Where(group => group.Rate is not null);
        var judgments = _run.Write("judgments.jsonl", JudgedRun.Lines(outcomes.Select(ToRow)));
        var report = new WinRateReport(WinRate.Of([.. outcomes.Select(ComparisonOf)], bootstrap), [.. groups.Select(group => KeyValuePair.Create(group.Key, group.Rate!))],
            [.. outcomes.Index().Where(pair => FailureOf(pair.Item) is not null).Select(pair => $"prompt {pair.Index + 1} ({PromptId.Of(pair.Item.Prompt.Text)[..16]}): {FailureOf(pair.Item)}")], usage, [judgments], _run.Record);
        return report with { Files = [judgments, _run.Write("winrate.json", toJson(report))] };
    }

    /// <summary>Adds up the calls of a run, and makes none.</summary>
    public JudgedEstimate Estimate() => _run.Estimate(_prompts, (estimate, inquiry, prompt) =>
    {
        string Text(AnswerSide side, Dictionary<string, AnswerRow>? answers) =>
            answers?[prompt.Text].Answer ?? estimate.Add(CallOf(side.Model!, prompt.Text))?.Text ?? _run.LongestAnswer;
        foreach (var question in new PairwiseJudge(inquiry).Questions(PurposeOf(prompt.Text), prompt.Text, Text(_model, _modelAnswers), Text(_baseline, _baselineAnswers))) estimate.Add(question.Call);
    });

    private async Task<Outcome> Judge(IModelCalls calls, Prompt prompt, CancellationToken stop)
    {
        var both = await Task.WhenAll(Answer(calls, _model, _modelAnswers, prompt.Text, stop), Answer(calls, _baseline, _baselineAnswers, prompt.Text, stop)).ConfigureAwait(false);
        if (both[0] is not { Text: { } model } || both[1] is not { Text: { } baseline })
            return new(prompt, both[0].Text, both[1].Text, null, both[0].Failure is { } of ? $"no answer of the model: {of}" : $"no answer of the baseline: {both[1].Failure}");
        return new(prompt, model, baseline, await new PairwiseJudge(_run.Inquiry(calls)).Compare(PurposeOf(prompt.Text), prompt.Text, model, baseline, stop).ConfigureAwait(false), null);
    }

    private Task<CallAnswer> Answer(IModelCalls calls, AnswerSide side, Dictionary<string, AnswerRow>? answers, string prompt, CancellationToken stop) =>
        answers is not null ? Task.FromResult(new CallAnswer(answers[prompt].Answer)) : calls.Ask(CallOf(side.Model!, prompt), stop);

    private ModelCall CallOf(string model, string prompt) => new($"generate/winrate/{PromptId.Of(prompt)}", model, [new(ChatMessage.User, prompt)],
        new(_settings.Temperature ?? 0, 1, _settings.MaxNewTokens, _settings.Seed));

    private static string PurposeOf(string prompt) => $"judge/winrate/{PromptId.Of(prompt)}";

    /// <summary>What the model's row says of a prompt, or else the baseline's.</summary>
    private T? Known<T>(string prompt, Func<AnswerRow, T?> what) =>
        new[] { _modelAnswers, _baselineAnswers }.Select(answers => answers?.GetValueOrDefault(prompt) is { } row ? what(row) : default).FirstOrDefault(value => value is not null);

    private static PromptComparison ComparisonOf(Outcome outcome) => new(outcome.Judgment?.ForwardPoints, outcome.Judgment?.ReversedPoints,
        outcome.Model?.Length ?? 0, outcome.Baseline?.Length ?? 0, outcome.Prompt.Difficulty, outcome.Prompt.Source);

    private static string? FailureOf(Outcome outcome) => outcome.Failure ?? outcome.Judgment?.Failure;

    private static JsonObject ToRow(Outcome outcome) => new()
    {
        ["prompt_id"] = PromptId.Of(outcome.Prompt.Text),
        ["prompt"] = outcome.Prompt.Text,
        ["source"] = outcome.Prompt.Source,
        ["model_answer"] = outcome.Model,
        ["baseline_answer"] = outcome.Baseline,
        ["model_first"] = outcome.Judgment?.ForwardPoints,
        ["model_second"] = outcome.Judgment?.ReversedPoints,
        ["rationale_first"] = outcome.Judgment?.Forward.Value?.Rationale,
        ["rationale_second"] = outcome.Judgment?.Reversed.Value?.Rationale,
        ["failure"] = FailureOf(outcome),
    };

    private static Dictionary<string, AnswerRow>? Answers(AnswerSide side)
    {
        if (side.Model is not null) return null;
        var answers = new Dictionary<string, AnswerRow>(StringComparer.Ordinal);
        foreach (var row in AnswerSchema.Read(DataFiles.Resolve(side.Files)))
            if (!answers.TryAdd(row.Prompt, row)) throw new BadRowException(row.Location, "", "a prompt that has an answer already", "one answer a prompt");
        return answers;
    }
}
