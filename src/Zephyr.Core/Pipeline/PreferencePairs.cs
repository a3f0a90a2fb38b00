using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Feedback;
using Zephyr.Feedback.Audit;

namespace Zephyr.Pipeline;

/// <summary>The last part of aif: scored rows become pairs.</summary>
/// <param name="config">How.</param>
/// <param name="evaluation">The evaluation sets that prompts are looked for in; null for none.</param>
internal sealed class PreferencePairs(AifConfig config, EvaluationSets? evaluation)
{
    private readonly PairBuilder _builder = new(Pairing(config), config.Run.Seed, evaluation);

    /// <summary>Rows of a user's own that cannot be used; those that were asked for are ours.</summary>
    private readonly BadRows _bad = new(config.Source is { AsksModels: false, OnBadRow: "skip" });

    /// <summary>A line for each of the rows that were left out because they cannot be used, as far as they are named.</summary>
    public IReadOnlyList<string> Notes => [.. _bad.Describe()];

    /// <summary>
    /// Writes the pairs. The rows are read twice rather than held: first to choose the test prompts among those that have a pair, which also finds every bad row before anything is
    /// written, then to write; before that once more where near-duplicates are to be dropped.
    /// </summary>
    /// <param name="files">Scored rows.</param>
    /// <param name="output">Where to.</param>
    /// <param name="cancel">Stops between two rows.</param>
    public FeedbackAudit Write(IReadOnlyList<string> files, StagedOutput output, CancellationToken cancel)
    {
        var drops = Drops(files, cancel);
        var prompts = Outcomes(files, drops, cancel).Where(outcome => outcome.Pair is not null).Select(outcome => PromptKey.Of(outcome.Prompt.Prompt));
        var split = PromptSplit.Choose(prompts, config.Aif.TestFraction, config.Run.Seed);
        using var tally = new FeedbackTally(config.Audit, evaluation);
        using var train = new PairFiles("train", config.Aif.Formats, output.PathOf);
        using var test = new PairFiles("test", config.Aif.Formats, output.PathOf);
        foreach (var outcome in Outcomes(files, drops, cancel))
        {
            var isTest = outcome.Pair is not null && split.Holds(outcome.Prompt.Prompt);
            tally.Add(outcome, isTest);
            if (outcome.Pair is { } pair) (isTest ? test : train).Add(pair);
        }
        train.Complete();
        test.Complete();
        return Audit(tally);
    }

    /// <summary>Counts the pairs, and the prompts whose pairs would be for testing, and writes nothing.</summary>
    /// <inheritdoc cref="Write"/>
    public (FeedbackAudit Audit, int TestPrompts) Count(IReadOnlyList<string> files, CancellationToken cancel)
    {
        using var tally = new FeedbackTally(config.Audit, evaluation);
        var prompts = new List<long>();
        foreach (var outcome in Outcomes(files, Drops(files, cancel), cancel))
        {
            tally.Add(outcome, isTest: false);
            if (outcome.Pair is not null) prompts.Add(PromptKey.Of(outcome.Prompt.Prompt));
        }
        return (Audit(tally), PromptSplit.Choose(prompts, config.Aif.TestFraction, config.Run.Seed).Count);
    }

    /// <summary>What pairs are made by: where the configuration names no score, the first of those that the judge was asked for.</summary>
    private static AifOptions Pairing(AifConfig config) => config.Aif.Score is not null || !config.Source.AsksModels ? config.Aif : config.Aif with
    {
        Score = config.Judging.Judgments.Contains(JudgingOptions.ByAspects) ? "mean_rating" : config.Judging.Judgments.Contains(JudgingOptions.Overall) ? "overall_score" : "win_rate",
    };

    /// <summary>What becomes of every row.</summary>
    /// <param name="files">Scored rows.</param>
    /// <param name="drops">Of <see cref="Drops"/>.</param>
    /// <param name="cancel">Stops between two rows.</param>
    public IEnumerable<PairOutcome> Outcomes(IReadOnlyList<string> files, DuplicateDrops? drops, CancellationToken cancel) =>
        _bad.Select(Rows(files, cancel).Index(), row => _builder.Build(row.Item, drops?.Holds(row.Index) == true));

    /// <summary>The rows that are left out because an earlier one says nearly the same; null where none is to be.</summary>
    public DuplicateDrops? Drops(IReadOnlyList<string> files, CancellationToken cancel) => DuplicateDrops.Of(config.Audit, evaluation, Rows(files, cancel).Select(row => row.Prompt));

    private IEnumerable<ScoredPrompt> Rows(IReadOnlyList<string> files, CancellationToken cancel) => FeedbackSchema.Read(RowSource.Of(files) with { Bad = _bad }).Until(cancel);

    private FeedbackAudit Audit(FeedbackTally tally) => tally.ToAudit() with { BadRows = config.Source.AsksModels ? null : _bad.ByReason };
}
