using Zephyr.Runtime;

namespace Zephyr.Feedback.Judging;

/// <summary>A question of MT-Bench's shape, its answer, and the reference answer where there is one.</summary>
/// <param name="Question">What the person asked.</param>
/// <param name="Answer">What the model answered.</param>
/// <param name="Reference">A right answer; null for none.</param>
public sealed record GradedTurn(string Question, string Answer, string? Reference = null);

/// <summary>
/// Grades one answer from 1 to 10 (MT-Bench's single-answer grading): the first turn by itself, the second one with the first
/// before it; against reference answers where there are any.
/// </summary>
public sealed class AnswerGrader(Inquiry inquiry)
{
    /// <summary>Asks for the grade of the last turn.</summary>
    /// <param name="purpose">What the call is for, unique to this turn: "judge/grade/MODEL/81/1".</param>
    /// <param name="turns">One turn or two.</param>
    /// <param name="cancellation">Gives it up.</param>
    /// <exception cref="ArgumentException">There are neither one nor two turns.</exception>
    /// <exception cref="RunFailedException">The budget is spent, or the journal cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public Task<Judged<Score>> Grade(string purpose, IReadOnlyList<GradedTurn> turns, CancellationToken cancellation) =>
        inquiry.Ask(Prepare(purpose, turns), text => ScoreParser.Parse(text, RatingScale.Overall), cancellation);

    internal Question Prepare(string purpose, IReadOnlyList<GradedTurn> turns)
    {
        if (turns.Count is not (1 or 2)) throw new ArgumentException($"{turns.Count} turns, expected one or two", nameof(turns));
        // The rubric with references shows one for each turn: with only one of them the plain rubric is the honest question.
        var withReference = turns.All(turn => turn.Reference is not null);
        string[] texts = [.. turns.SelectMany(turn => (string?[])[turn.Question, turn.Answer, turn.Reference]).OfType<string>()];
        var fence = Fence.Of(inquiry.Settings.Seed, texts);
        var values = new Dictionary<string, string>();
        foreach (var (turn, i) in turns.Select((turn, i) => (turn, i + 1)))
        {
            var (suffix, label) = turns.Count == 1 ? ("", "") : ($"_{i}", $" {i}");
            values[$"prompt{suffix}"] = fence.Around($"QUESTION{label}", turn.Question);
            values[$"answer{suffix}"] = fence.Around($"ANSWER{label}", turn.Answer);
            if (withReference) values[$"reference{suffix}"] = fence.Around($"REFERENCE{label}", turn.Reference!);
        }
        var rubric = (turns.Count, withReference) switch
        {
            (1, false) => RubricSet.Grade,
            (1, true) => RubricSet.GradeWithReference,
            (_, false) => RubricSet.GradeSecondTurn,
            _ => RubricSet.GradeSecondTurnWithReference,
        };
        return inquiry.Prepare(purpose, inquiry.Rubrics[rubric], AnswerForms.Score(RatingScale.Overall, "explanation"), fence, values);
    }
}
