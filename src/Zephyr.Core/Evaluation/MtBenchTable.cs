using Zephyr.Evaluation.Statistics;

namespace Zephyr.Evaluation;

/// <summary>A judgment of one turn.</summary>
/// <param name="QuestionId">The question.</param>
/// <param name="Category">writing, math, ...</param>
/// <param name="Turn">1 or 2.</param>
/// <param name="Score">From 1 to 10; null where the judge gave none.</param>
public sealed record TurnScore(string QuestionId, string Category, int Turn, double? Score);

/// <summary>Means of a group of judgments.</summary>
/// <param name="Name">A category; "all".</param>
/// <param name="Questions">Questions with a score.</param>
/// <param name="Turn1">The mean of the first turns; null for none.</param>
/// <param name="Turn2">Of the second.</param>
/// <param name="Mean">Of all judgments, as MT-Bench has it; the interval is the bootstrap's over questions, whose two turns depend on each other.</param>
/// <param name="Unscored">Judgments without a score, which are in no mean.</param>
public sealed record MtBenchRow(string Name, int Questions, double? Turn1, double? Turn2, Estimate Mean, int Unscored);

/// <summary>MT-Bench's table of a model: by category and in all.</summary>
/// <param name="All">Everything.</param>
/// <param name="Categories">Each category, in the order of the questions.</param>
public sealed record MtBenchTable(MtBenchRow All, IReadOnlyList<MtBenchRow> Categories)
{
    /// <summary>Adds up judgments.</summary>
    /// <param name="scores">One a turn; at least one.</param>
    /// <param name="bootstrap">Draws the samples for the intervals.</param>
    public static MtBenchTable Of(IReadOnlyList<TurnScore> scores, Bootstrap bootstrap) =>
        new(RowOf("all", scores, bootstrap), [.. scores.GroupBy(score => score.Category).Select(category => RowOf(category.Key, [.. category], bootstrap))]);

    private static MtBenchRow RowOf(string name, IReadOnlyList<TurnScore> scores, Bootstrap bootstrap)
    {
        var scored = scores.Where(score => score.Score is not null).ToList();
        var questions = scored.GroupBy(score => score.QuestionId, score => score.Score!.Value).ToList();
        double? Turn(int turn) => scored.Where(score => score.Turn == turn).Select(score => score.Score).DefaultIfEmpty().Average();
        return new(name, questions.Count, Turn(1), Turn(2),
            bootstrap.OfRatio([.. questions.Select(question => question.Sum())], [.. questions.Select(question => (double)question.Count())]), scores.Count - scored.Count);
    }
}
