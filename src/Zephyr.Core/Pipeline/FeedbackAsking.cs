using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Feedback;
using Zephyr.Feedback.Audit;
using Zephyr.Feedback.Calls;
using Zephyr.Feedback.Generation;
using Zephyr.Feedback.Judging;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>What asking would come to.</summary>
/// <param name="Prompts">Prompts, each counted once.</param>
/// <param name="Journal">The journal's file.</param>
/// <param name="Spent">What earlier starts of the run have paid for.</param>
/// <param name="Models">The calls ahead by role and model.</param>
/// <param name="Budget">The caps.</param>
/// <param name="Reasks">How often a judge may be asked again; 0 without one.</param>
/// <param name="Missing">What the run needs besides and is not there.</param>
public sealed record AskingPlan(long Prompts, string Journal, CallUsage Spent, IReadOnlyList<ModelEstimate> Models, BudgetOptions Budget, int Reasks, IReadOnlyList<string> Missing);

/// <summary>
/// The part of aif in which models are asked: prompts become answers, answers become scores. What becomes of a prompt depends on the seed and on the answers, never on the order in
/// which they came.
/// </summary>
internal sealed class FeedbackAsking
{
    private readonly AifConfig _config;
    private readonly EvaluationSets? _evaluation;
    private readonly ModelPool _pool;
    private readonly AnswerGenerator? _generator;
    private readonly RubricSet _rubrics;
    private readonly BadRows _bad;
    private readonly DuplicateDrops? _drops;

    /// <summary>Finds all that is needed, and reads every row once: one that cannot be used is found before anything is paid for.</summary>
    /// <exception cref="UserErrorException">Something is not there or not as it should be.</exception>
    /// <param name="config">What is asked.</param>
    /// <param name="evaluation">Evaluation sets; a prompt that is dropped because it occurs in one is not paid for. Null for none.</param>
    /// <param name="cancel">Stops between two rows.</param>
    public FeedbackAsking(AifConfig config, EvaluationSets? evaluation, CancellationToken cancel)
    {
        (_config, _evaluation, _bad) = (config, evaluation, new(config.Source.OnBadRow == "skip"));
        _pool = ModelPool.Of([("models", config.Answers.Models), ("judge", config.Source.Judge is { } judge ? [judge] : [])], config.Budget.Endpoints);
        _rubrics = RubricSet.Load(config.Judging.Rubrics);
        if (FromPrompts) _generator = new(config.Answers, PrincipleSet.Load(config.Answers.Principles), config.Run.Seed);
        if (config.Source.Judge is not null) _ = Judge(new Unasked());
        Inputs = FromPrompts ? PromptSchema.Resolve(config.Source.Prompts) : DataFiles.Resolve(config.Source.Completions);
        _drops = DuplicateDrops.Of(config.Audit, evaluation, Begin().Until(cancel).Select(prompt => prompt.Prompt));
        Prompts = Begin().Until(cancel).LongCount();
    }

    /// <summary>The files that are read.</summary>
    public IReadOnlyList<string> Inputs { get; }

    /// <summary>All files whose content matters.</summary>
    public IEnumerable<string> AllFiles =>
    [
        .. Inputs, .. _config.Budget.Endpoints is { } endpoints ? [endpoints] : Array.Empty<string>(),
        .. new[] { _config.Answers.Principles, _config.Judging.Rubrics }.OfType<string>().SelectMany(folder => Directory.EnumerateFiles(folder, "*.txt")),
    ];

    /// <summary>Prompts, each counted once.</summary>
    public long Prompts { get; }

    /// <summary>A line for each of the rows that were left out because they cannot be used, as far as they are named.</summary>
    public IReadOnlyList<string> Notes => [.. _bad.Describe()];

    private bool FromPrompts => _config.Source.Prompts.Count > 0;

    private string Journal => Path.Combine(_config.Run.OutputDir, "calls.jsonl");

    /// <summary>Asks, and writes what comes of it, prompt by prompt in the order of the rows.</summary>
    /// <param name="pathOf">Where a file of that name is to be written.</param>
    /// <param name="observer">Who watches.</param>
    /// <param name="cancel">Begins no new call; those that are out are waited for and kept.</param>
    /// <exception cref="RunFailedException">The budget is spent, a model refuses all calls, or something cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was stopped.</exception>
    public async Task<AskingAudit> Run(Func<string, string> pathOf, ICallObserver observer, CancellationToken cancel)
    {
        await using var calls = new ModelCalls(new(_pool, _config.Budget, Journal, _config.Run.Seed, LocalModels.Open, observer, TimeProvider.System));
        if (calls.Found > 0) observer.OnNote($"{Journal}: {calls.Found} calls of earlier starts; those of them that are asked for again are not made again");
        foreach (var note in Notes) observer.OnNote(note);
        using var files = new AskedFiles(pathOf);
        var judge = _config.Source.Judge is null ? null : Judge(calls);
        var done = 0L;
        // Twice as many as are answered at a time: of a prompt that is being judged, no model is answering.
        await foreach (var judged in OrderedWork.Run(Begin().Index(), Math.Max(8, 2 * _pool.Concurrency), (row, stop) => Ask(calls, judge, row.Index, row.Item, stop), cancel).ConfigureAwait(false))
        {
            files.Add(judged);
            observer.OnItems("prompts", ++done, Prompts);
        }
        files.Complete();
        return new(done, files.Answers, files.FailedAnswers, files.FailedJudgments, calls.Usage) { BadRows = _bad.ByReason };
    }

    /// <summary>Counts the calls of a run, and makes none. Answers that are not there yet are taken to be as long as they may be.</summary>
    public AskingPlan Estimate(CancellationToken cancel)
    {
        using var estimate = new CallEstimate(_pool, _config.Budget, Journal);
        var judge = _config.Source.Judge is null ? null : Judge(new Unasked());
        var longest = new string('x', 4 * _config.Answers.MaxNewTokens);
        foreach (var (_, prompt) in Begin().Until(cancel).Index().Where(row => WhyNotAsked(row.Index, row.Item.Prompt) is null))
        {
            var answered = _generator is null ? prompt : prompt with
            {
                Answers = [.. _generator.Requests(prompt.Prompt).Select(request => AnswerGenerator.AnswerOf(request, estimate.Add(request.Call) ?? new(longest)))],
            };
            foreach (var question in judge?.Questions(answered) ?? []) estimate.Add(question);
        }
        return new(Prompts, Journal, estimate.Spent, estimate.Models, _config.Budget, judge is null ? 0 : _config.Judging.MaxReasks, [.. _pool.MissingKeys]);
    }

    private async Task<JudgedPrompt> Ask(ModelCalls calls, Judge? judge, int row, AnsweredPrompt prompt, CancellationToken stop)
    {
        if (WhyNotAsked(row, prompt.Prompt) is { } reason) return judge is null ? Unjudged(prompt) : judge.NotAsked(prompt, reason);
        var answered = _generator is null ? prompt : await _generator.Answer(calls, prompt.Prompt, prompt.Source, stop).ConfigureAwait(false);
        return judge is null ? Unjudged(answered) : await judge.Of(answered, stop).ConfigureAwait(false);
    }

    /// <summary>A prompt that can give no pair is not paid for; null for one that is asked.</summary>
    private string? WhyNotAsked(int row, string prompt) =>
        string.IsNullOrWhiteSpace(prompt) ? "the prompt has no text"
        : _evaluation?.Drop(prompt) == true ? "the prompt occurs in an evaluation set"
        : _drops?.Holds(row) == true ? "the prompt is nearly the same as an earlier one"
        : null;

    private static JudgedPrompt Unjudged(AnsweredPrompt prompt) => new(prompt, "", [.. prompt.Answers.Select(_ => new AnswerJudgment([], null, null))], [], 0, 0, 0);

    /// <summary>What is begun with: prompts, each once, or answers.</summary>
    private IEnumerable<AnsweredPrompt> Begin()
    {
        var most = _config.Source.MaxPrompts == 0 ? int.MaxValue : _config.Source.MaxPrompts;
        var source = RowSource.Of(Inputs) with { Bad = _bad };
        if (!FromPrompts) return FeedbackSchema.Read(source).Take(most).Select(AnsweredOf);
        var seen = new HashSet<long>();
        return PromptSchema.Read(source).Where(row => seen.Add(PromptKey.Of(row.Prompt))).Take(most).Select(row => new AnsweredPrompt(row.Prompt, [], row.Source));
    }

    private static AnsweredPrompt AnsweredOf(ScoredPrompt row) => new(row.Prompt, [.. row.Completions.Select(completion => new ModelAnswer(
        completion.Model, completion.Response, Text(completion, "principle"), Text(completion, "custom_system_prompt"), completion.Fields.GetValueOrDefault("failure") as string))]);

    private static string Text(ScoredCompletion completion, string field) => completion.Fields.GetValueOrDefault(field) as string ?? "";

    private Judge Judge(IModelCalls calls) => new(calls, _rubrics, _config.Judging, _config.Source.Judge!, _config.Run.Seed);

    /// <summary>For a judge that is only looked at.</summary>
    private sealed class Unasked : IModelCalls
    {
        public Task<CallAnswer> Ask(ModelCall question, CancellationToken cancellation) => throw new InvalidOperationException("a rehearsal asks nothing");
    }
}
