namespace Zephyr.Feedback.Judging;

/// <summary>An answer's rating on an aspect.</summary>
/// <param name="Rating">1 to 5; null for the judge's "N/A", and where there is a <paramref name="Failure"/>.</param>
/// <param name="Rationale">Why, in the judge's words.</param>
/// <param name="Position">The place at which the judge saw the answer, from 1; null where it was not shown.</param>
/// <param name="Failure">Why there is no rating; null where the judge gave one or said "N/A".</param>
public sealed record AspectRating(double? Rating, string Rationale, int? Position, string? Failure);

/// <summary>An answer's score as a whole.</summary>
/// <param name="Score">1 to 10; null where there is a <paramref name="Failure"/>.</param>
/// <param name="Critique">The judge's words.</param>
/// <param name="Failure">Why there is no score.</param>
public sealed record OverallScore(double? Score, string Critique, string? Failure);

/// <summary>An answer compared with another one, in one order.</summary>
/// <param name="Against">The other answer's place in the prompt's list, from 0.</param>
/// <param name="Position">The place at which the judge saw this answer: 1 or 2.</param>
/// <param name="Points">1 for a win, 0.5 for a tie, 0 for a loss; null where there is a <paramref name="Failure"/>.</param>
/// <param name="Rationale">Why, in the judge's words.</param>
/// <param name="Failure">Why there is no verdict.</param>
public sealed record Comparison(int Against, int Position, double? Points, string Rationale, string? Failure);

/// <summary>All that was said of one answer.</summary>
/// <param name="Aspects">By aspect, in the order of the configuration; empty where aspects were not asked for.</param>
/// <param name="Overall">The score as a whole; null where it was not asked for.</param>
/// <param name="Comparisons">With every other answer in both orders; null where they were not asked for.</param>
public sealed record AnswerJudgment(IReadOnlyList<KeyValuePair<string, AspectRating>> Aspects, OverallScore? Overall, IReadOnlyList<Comparison>? Comparisons)
{
    /// <summary>The mean of the ratings that there are: UltraFeedback's fine-grained score. Null for none.</summary>
    public double? MeanRating => Aspects.Average(aspect => aspect.Value.Rating);

    /// <summary>The share of comparisons won, ties counting half, over those in which both orders have a verdict. Null for none.</summary>
    public double? WinRate => Comparisons?.GroupBy(comparison => comparison.Against)
        .Where(orders => orders.All(order => order.Points is not null)).SelectMany(orders => orders).Average(order => order.Points);
}

/// <summary>A question that came to nothing.</summary>
/// <param name="What">What was asked: "honesty", "overall 2", "pairwise 1-2".</param>
/// <param name="Reason">Why there is no judgment.</param>
public sealed record JudgeFailure(string What, string Reason);

/// <summary>A prompt's answers with all that the judge said of them.</summary>
/// <param name="Prompt">The prompt and its answers.</param>
/// <param name="Judge">The judge's name.</param>
/// <param name="Answers">As many as the prompt has, in its order.</param>
/// <param name="Failures">The questions that came to nothing.</param>
/// <param name="Asked">Calls in all, re-asks among them.</param>
/// <param name="PromptTokens">Tokens read in them.</param>
/// <param name="CompletionTokens">Tokens written in them.</param>
public sealed record JudgedPrompt(
    AnsweredPrompt Prompt,
    string Judge,
    IReadOnlyList<AnswerJudgment> Answers,
    IReadOnlyList<JudgeFailure> Failures,
    int Asked,
    long PromptTokens,
    long CompletionTokens);
