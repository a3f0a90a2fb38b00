using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Sources;
using Zephyr.Feedback.Audit;
using Zephyr.Runtime;

namespace Zephyr.Feedback;

/// <summary>
/// The binarization of section 3 of the paper: of a prompt's scored answers the best becomes the chosen one, and a
/// sampled other one the rejected one. What is sampled is a pure function of the seed and the prompt's text, so neither
/// the order of the rows nor which other rows there are changes a pair. Rows that repeat a prompt draw the same random
/// numbers, each over its own answers.
/// </summary>
/// <param name="options">What scores are, which answer is rejected, what is dropped.</param>
/// <param name="seed">The run's seed.</param>
/// <param name="evaluation">Evaluation sets in which prompts are looked for; null for none.</param>
public sealed class PairBuilder(AifOptions options, long seed, EvaluationSets? evaluation = null)
{
    // "pair" in ASCII: what the numbers are for, so that the test split's are independent of them.
    private const long Stream = 0x70616972;

    private readonly Scoring _scoring = new(options);

    /// <summary>The pair of a prompt, or the reason why there is none.</summary>
    /// <param name="prompt">The row.</param>
    /// <param name="isDuplicate">Whether it is to give none because an earlier row says nearly the same.</param>
    /// <exception cref="BadRowException">A score is absent or not a number.</exception>
    public PairOutcome Build(ScoredPrompt prompt, bool isDuplicate = false)
    {
        var (candidates, dropped) = Candidates(prompt);
        var top = candidates.Count == 0 ? 0 : candidates.Max(candidate => candidate.Score);
        Candidate[] best = [.. candidates.Where(candidate => candidate.Score == top)];
        var foundIn = evaluation?.Find(prompt.Prompt);
        PairOutcome Drop(PromptDrop reason) => new(prompt, candidates, dropped, best.Length > 1, null, reason) { FoundIn = foundIn };

        if (string.IsNullOrWhiteSpace(prompt.Prompt)) return Drop(PromptDrop.EmptyPrompt);
        if (foundIn is not null && evaluation!.Drops) return Drop(PromptDrop.InEvaluationSet);
        if (isDuplicate) return Drop(PromptDrop.NearDuplicate);
        if (candidates.Count < 2) return Drop(PromptDrop.FewerThanTwoAnswers);
        if (best.Length > 1 && options.Ties == "drop") return Drop(PromptDrop.BestScoreTied);

        var random = new SeededRandom(seed, Stream, PromptKey.Of(prompt.Prompt));
        var chosen = best[random.NextInt(best.Length)];
        var pool = RejectedPool(candidates, chosen);
        if (pool.Length == 0) return Drop(PromptDrop.NoLowerScore);
        var pair = new ScoredPair(prompt.Prompt, chosen, pool[random.NextInt(pool.Length)]);
        return pair.Margin < options.MinMargin
            ? Drop(PromptDrop.MarginTooSmall)
            : new(prompt, candidates, dropped, best.Length > 1, pair, null) { FoundIn = foundIn };
    }

    /// <summary>The answers from which the rejected one is drawn.</summary>
    private Candidate[] RejectedPool(List<Candidate> candidates, Candidate chosen)
    {
        Candidate[] others = [.. candidates.Where(candidate => !ReferenceEquals(candidate, chosen))];
        return options.Rejected switch
        {
            "random_other" => others,
            "lowest" => [.. others.Where(other => other.Score == others.Min(candidate => candidate.Score))],
            _ => [.. others.Where(other => other.Score < chosen.Score)],
        };
    }

    private (List<Candidate> Candidates, List<AnswerDrop> Dropped) Candidates(ScoredPrompt prompt)
    {
        var candidates = new List<Candidate>();
        var dropped = new List<AnswerDrop>();
        var texts = new HashSet<string>(StringComparer.Ordinal);
        for (var i = 0; i < prompt.Completions.Count; i++)
        {
            var completion = prompt.Completions[i];
            var text = completion.Response.Trim();
            if (text.Length == 0) dropped.Add(AnswerDrop.EmptyAnswer);
            else if (_scoring.Of(prompt.Location, $"completions[{i}]", completion) is not { Value: { } score } read) dropped.Add(AnswerDrop.NoScore);
            else if (!texts.Add(text)) dropped.Add(AnswerDrop.SameAsAnother);
            else candidates.Add(new(completion, score, read.DroppedRatings));
        }
        return (candidates, dropped);
    }
}
