using Zephyr.Data;
using Zephyr.Feedback.Calls;

namespace Zephyr.Feedback;

/// <summary>What models were asked for a run's answers and scores.</summary>
/// <param name="Prompts">Prompts, each counted once.</param>
/// <param name="Answers">Answers there are, judged or not.</param>
/// <param name="FailedAnswers">Answers that could not be had.</param>
/// <param name="FailedJudgments">Questions to the judge that came to nothing.</param>
/// <param name="Calls">Calls, tokens and cost by role and model: of every call that the files rest on, whenever it was paid for.</param>
public sealed record AskingAudit(long Prompts, long Answers, long FailedAnswers, long FailedJudgments, IReadOnlyList<ModelUsage> Calls)
{
    /// <summary>Rows that were left out because they cannot be used (<c>on_bad_row: skip</c>); no other figure counts them.</summary>
    public IReadOnlyList<BadRowCount> BadRows { get; init; } = [];

    /// <summary>The text of audit.json where there is no judge, and so no pair.</summary>
    public string ToJson() => FeedbackAudit.ToJson(this);
}
