using Zephyr.Data.Cleaning;
using Zephyr.Data.Sources;

namespace Zephyr.Feedback;

/// <summary>Why a prompt gives no pair.</summary>
public enum PromptDrop
{
    /// <summary>The prompt has no text.</summary>
    EmptyPrompt,

    /// <summary>Fewer than two usable answers.</summary>
    FewerThanTwoAnswers,

    /// <summary>The best score is shared, and <c>ties</c> is <c>drop</c>.</summary>
    BestScoreTied,

    /// <summary>No answer scores lower than the chosen one.</summary>
    NoLowerScore,

    /// <summary>The scores differ by less than <c>min_margin</c>.</summary>
    MarginTooSmall,

    /// <summary>The prompt shares a passage with an evaluation set, and <c>on_contaminated</c> is <c>drop</c>.</summary>
    InEvaluationSet,

    /// <summary>The prompt says the same, or nearly the same, as an earlier one, and <c>on_near_duplicates</c> is <c>drop</c>.</summary>
    NearDuplicate,
}

/// <summary>Why an answer is no candidate.</summary>
public enum AnswerDrop
{
    /// <summary>It has no text.</summary>
    EmptyAnswer,

    /// <summary>The teacher gave no score, or not every rating where <c>on_missing_rating</c> is <c>drop_completion</c>.</summary>
    NoScore,

    /// <summary>An answer before it has the same text (white space at the ends aside).</summary>
    SameAsAnother,
}

/// <summary>A usable answer.</summary>
/// <param name="Completion">The answer.</param>
/// <param name="Score">In the units of the score that the configuration names.</param>
/// <param name="DroppedRatings">Ratings that the score is the mean without, because the teacher did not give them.</param>
public sealed record Candidate(ScoredCompletion Completion, double Score, int DroppedRatings = 0);

/// <summary>A preference made of one prompt's answers.</summary>
/// <param name="Prompt">One user turn.</param>
/// <param name="Chosen">The answer with the highest score.</param>
/// <param name="Rejected">The other one.</param>
public sealed record ScoredPair(string Prompt, Candidate Chosen, Candidate Rejected)
{
    /// <summary>How much higher the chosen answer scores; never negative.</summary>
    public double Margin => Chosen.Score - Rejected.Score;
}

/// <summary>What became of one prompt: a pair, or the reason why there is none.</summary>
/// <param name="Prompt">The row.</param>
/// <param name="Candidates">The usable answers.</param>
/// <param name="DroppedAnswers">One reason for each answer that is not usable.</param>
/// <param name="BestTied">Whether two or more candidates share the best score.</param>
/// <param name="Pair">The pair, or null.</param>
/// <param name="Dropped">Why there is none, or null.</param>
public sealed record PairOutcome(
    ScoredPrompt Prompt,
    IReadOnlyList<Candidate> Candidates,
    IReadOnlyList<AnswerDrop> DroppedAnswers,
    bool BestTied,
    ScoredPair? Pair,
    PromptDrop? Dropped)
{
    /// <summary>The text of an evaluation set with which the prompt shares a passage; null where there is none, or none was looked for.</summary>
    public EvaluationText? FoundIn { get; init; }
}
