namespace Zephyr.Feedback.Judging;

/// <summary>What came of a prompt's questions, put together by answer.</summary>
/// <param name="prompt">The prompt and its answers.</param>
/// <param name="aspects">The ratings of its answers by aspect.</param>
/// <param name="overall">The scores by the place of the answer.</param>
/// <param name="compared">The comparisons by the places of the answers.</param>
internal sealed class JudgeOutcomes(
    AnsweredPrompt prompt,
    IReadOnlyList<AspectJudgment> aspects,
    IReadOnlyList<(int Answer, Judged<Score> Score)> overall,
    IReadOnlyList<((int First, int Second) Pair, PairJudgment Judgment)> compared)
{
    private const string Blank = "the answer is empty, and was not shown to the judge";

    public JudgedPrompt ToJudgedPrompt(string judge, IReadOnlyList<string> asked, bool withOverall, bool withPairs)
    {
        AnswerJudgment[] answers = [.. Enumerable.Range(0, prompt.Answers.Count).Select(answer => new AnswerJudgment(
            [.. asked.Select(aspect => KeyValuePair.Create(aspect, RatingOf(aspect, answer)))],
            withOverall ? ScoreOf(answer) : null,
            withPairs ? [.. ComparisonsOf(answer)] : null))];
        var all = Counts().ToList();
        return new(prompt, judge, answers, [.. all.Where(one => one.Failure is not null).Select(one => new JudgeFailure(one.What, one.Failure!))],
            all.Sum(one => one.Asked), all.Sum(one => one.Read), all.Sum(one => one.Written));
    }

    private AspectRating RatingOf(string aspect, int answer)
    {
        if (aspects.FirstOrDefault(judgment => judgment.Aspect == aspect) is not { } judgment) return new(null, "", null, Blank);
        var shown = Array.IndexOf([.. judgment.Order], answer);
        if (shown < 0) return new(null, "", null, Blank);
        return judgment.Outcome.Value is { } ratings
            ? new(ratings[shown].Value, ratings[shown].Rationale, shown + 1, null)
            : new(null, "", shown + 1, judgment.Outcome.Failure);
    }

    private OverallScore ScoreOf(int answer)
    {
        if (overall.FirstOrDefault(one => one.Answer == answer).Score is not { } judged) return new(null, "", Blank);
        return new(judged.Value?.Value, judged.Value?.Critique ?? "", judged.Failure);
    }

    private IEnumerable<Comparison> ComparisonsOf(int answer)
    {
        foreach (var (pair, judgment) in compared)
        {
            if (pair.First == answer)
            {
                yield return Of(pair.Second, 1, judgment.ForwardPoints, judgment.Forward);
                yield return Of(pair.Second, 2, judgment.ReversedPoints, judgment.Reversed);
            }
            else if (pair.Second == answer)
            {
                yield return Of(pair.First, 2, 1 - judgment.ForwardPoints, judgment.Forward);
                yield return Of(pair.First, 1, 1 - judgment.ReversedPoints, judgment.Reversed);
            }
        }

        static Comparison Of(int against, int position, double? points, Judged<Verdict> judged) =>
            new(against, position, points, judged.Value?.Rationale ?? "", judged.Failure);
    }

    private IEnumerable<(string What, string? Failure, int Asked, long Read, long Written)> Counts()
    {
        foreach (var judgment in aspects) yield return Count(judgment.Aspect, judgment.Outcome);
        foreach (var (answer, score) in overall) yield return Count($"overall {answer + 1}", score);
        foreach (var (pair, judgment) in compared)
        {
            yield return Count($"pairwise {pair.First + 1}-{pair.Second + 1}", judgment.Forward);
            yield return Count($"pairwise {pair.Second + 1}-{pair.First + 1}", judgment.Reversed);
        }

        static (string, string?, int, long, long) Count<T>(string what, Judged<T> judged) where T : class =>
            (what, judged.Failure, judged.Asked, judged.PromptTokens, judged.CompletionTokens);
    }
}
