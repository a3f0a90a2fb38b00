using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Feedback.Audit;

namespace Zephyr.Feedback;

/// <summary>Adds up the outcomes of a run into its <see cref="FeedbackAudit"/>. What it keeps grows by some bytes a prompt and an answer, never by their texts.</summary>
/// <param name="options">What is looked for.</param>
/// <param name="evaluation">The evaluation sets that prompts were looked for in; null for none.</param>
public sealed class FeedbackTally(AuditOptions options, EvaluationSets? evaluation = null) : IDisposable
{
    private readonly PromptDuplicates? _duplicates = options.NearDuplicates > 0 ? new(options.NearDuplicates) : null;
    private readonly ContaminationTally _contamination = new();
    private readonly AspectAgreement _agreement = new();
    private readonly PositionBias _position = new();
    private readonly LengthBias _length = new();
    private readonly HashSet<long> _prompts = [];
    private readonly Dictionary<PromptDrop, int> _droppedPrompts = Enum.GetValues<PromptDrop>().ToDictionary(reason => reason, _ => 0);
    private readonly Dictionary<AnswerDrop, int> _droppedAnswers = Enum.GetValues<AnswerDrop>().ToDictionary(reason => reason, _ => 0);
    private readonly SortedDictionary<string, ModelRecord> _models = new(StringComparer.Ordinal);
    private readonly List<double> _scores = [];
    private readonly List<double> _margins = [];
    private int _rows, _completions, _test, _droppedRatings, _tiedBest, _longer, _equal;

    /// <summary>Counts one prompt.</summary>
    /// <param name="outcome">What became of it.</param>
    /// <param name="isTest">Whether its pair, if there is one, is for testing.</param>
    public void Add(PairOutcome outcome, bool isTest)
    {
        _rows++;
        _prompts.Add(PromptKey.Of(outcome.Prompt.Prompt));
        _duplicates?.Add(outcome.Prompt.Prompt);
        if (outcome.FoundIn is { } found) _contamination.Add(outcome.Prompt.Prompt, found);
        foreach (var completion in outcome.Prompt.Completions) _agreement.Add(completion);
        _position.Add(outcome);
        _length.Add(outcome.Candidates);
        _completions += outcome.Prompt.Completions.Count;
        foreach (var reason in outcome.DroppedAnswers) _droppedAnswers[reason]++;
        if (outcome.BestTied) _tiedBest++;
        foreach (var candidate in outcome.Candidates)
        {
            _scores.Add(candidate.Score);
            _droppedRatings += candidate.DroppedRatings;
            Change(candidate, record => record with { Answers = record.Answers + 1 });
        }
        if (outcome.Dropped is { } dropped) _droppedPrompts[dropped]++;
        if (outcome.Pair is { } pair) AddPair(pair, isTest);
    }

    /// <summary>The sums so far.</summary>
    public FeedbackAudit ToAudit()
    {
        var pairs = _margins.Count;
        return new(
            _rows, _rows - _prompts.Count, pairs, pairs - _test, _test, _droppedPrompts, _completions, _droppedAnswers,
            _droppedRatings, _tiedBest, _margins.Count(margin => margin == 0), Histogram.Of(_scores), Histogram.Of(_margins),
            new(_longer, _equal, pairs - _longer - _equal, pairs == 0 ? 0 : (double)_longer / pairs, _length.ToRecord()), [.. _models.Values],
            _agreement.ToRecords(), _position.ToRecords(), _duplicates?.ToRecord(), evaluation is null ? null : _contamination.ToRecord(evaluation));
    }

    /// <summary>Lets go of the file that prompts are compared in.</summary>
    public void Dispose() => _duplicates?.Dispose();

    private void AddPair(ScoredPair pair, bool isTest)
    {
        if (isTest) _test++;
        _margins.Add(pair.Margin);
        var lengths = pair.Chosen.Completion.Response.Length.CompareTo(pair.Rejected.Completion.Response.Length);
        if (lengths > 0) _longer++;
        if (lengths == 0) _equal++;
        Change(pair.Chosen, record => record with { Chosen = record.Chosen + 1 });
        Change(pair.Rejected, record => record with { Rejected = record.Rejected + 1 });
    }

    private void Change(Candidate candidate, Func<ModelRecord, ModelRecord> change)
    {
        var name = candidate.Completion.Model;
        _models[name] = change(_models.GetValueOrDefault(name) ?? new(name, 0, 0, 0));
    }
}
