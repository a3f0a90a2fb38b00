namespace Zephyr.Feedback.Audit;

/// <summary>How far scores go with length, over all usable answers.</summary>
/// <param name="Pearson">The correlation of score and length in characters; null where one of them never varies.</param>
/// <param name="Spearman">The same of their ranks.</param>
/// <param name="WithinPrompts">
/// Pearson's r of the deviations from the prompt's own means: whether of the answers to one prompt the longer ones score higher, whatever
/// lengths and scores the prompt draws from all of them.
/// </param>
public sealed record LengthCorrelation(double? Pearson, double? Spearman, double? WithinPrompts);

/// <summary>Collects scores and lengths: 12 bytes an answer and 24 a prompt.</summary>
internal sealed class LengthBias
{
    private readonly List<(double Score, int Length)> _answers = [];
    private readonly List<(double XX, double YY, double XY)> _prompts = [];

    public void Add(IReadOnlyList<Candidate> candidates)
    {
        if (candidates.Count == 0) return;
        (double Score, int Length)[] answers = [.. candidates.Select(candidate => (candidate.Score, candidate.Completion.Response.Length))];
        _answers.AddRange(answers);
        var (score, length) = (answers.Average(answer => answer.Score), answers.Average(answer => (double)answer.Length));
        _prompts.Add((answers.Sum(answer => Square(answer.Score - score)), answers.Sum(answer => Square(answer.Length - length)),
            answers.Sum(answer => (answer.Score - score) * (answer.Length - length))));
    }

    public LengthCorrelation ToRecord()
    {
        WeightedPoint[] points = [.. _answers.Select(answer => new WeightedPoint(answer.Score, answer.Length, 1))];
        return new(Correlation.Pearson(points), Correlation.Spearman(points),
            Correlation.Ratio(Sum(prompt => prompt.XX), Sum(prompt => prompt.YY), Sum(prompt => prompt.XY)));

        // Sorted, so that the last digit does not depend on the order of the rows.
        double Sum(Func<(double XX, double YY, double XY), double> part) => _prompts.Select(part).Order().Sum();
    }

    private static double Square(double x) => x * x;
}
