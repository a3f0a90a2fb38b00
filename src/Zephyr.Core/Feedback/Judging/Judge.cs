using Zephyr.Configuration;
using Zephyr.Feedback.Calls;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Judging;

/// <summary>
/// The teacher: asks about a prompt's answers all that the configuration wants to know, at once, and puts it together. What
/// could not be had is recorded with its reason; no score is made up.
/// </summary>
public sealed class Judge
{
    private readonly JudgingOptions _options;
    private readonly AspectJudge _aspects;
    private readonly OverallJudge _overall;
    private readonly PairwiseJudge _pairwise;
    private readonly string _name;

    /// <param name="calls">Who answers.</param>
    /// <param name="rubrics">The questions.</param>
    /// <param name="options">What is asked, and how.</param>
    /// <param name="model">The judge's name in the pool.</param>
    /// <param name="seed">The run's seed.</param>
    /// <exception cref="UserErrorException">There is no rubric of one of the aspects.</exception>
    public Judge(IModelCalls calls, RubricSet rubrics, JudgingOptions options, string model, long seed)
    {
        ArgumentNullException.ThrowIfNull(rubrics);
        ArgumentNullException.ThrowIfNull(options);
        if (options.Judgments.Contains(JudgingOptions.ByAspects))
            foreach (var aspect in options.Aspects) rubrics.OfAspect(aspect);
        var inquiry = new Inquiry(calls, rubrics, new(model, seed, options.MaxReasks, options.JudgeTemperature, options.JudgeMaxNewTokens));
        (_options, _aspects, _overall, _pairwise, _name) = (options, new(inquiry), new(inquiry), new(inquiry), model);
    }

    /// <summary>The first calls that a prompt takes, for estimates: re-asks come on top.</summary>
    public IEnumerable<ModelCall> Questions(AnsweredPrompt prompt)
    {
        var judgeable = prompt.Judgeable;
        if (judgeable.Length == 0) return [];
        return AspectsAsked().Select(aspect => _aspects.Prepare(aspect, prompt))
            .Concat(Asks(JudgingOptions.Overall) ? judgeable.Select(answer => _overall.Prepare(prompt, answer)) : [])
            .Concat(Pairs(judgeable).SelectMany(pair => _pairwise.Questions(Purpose(prompt, pair), prompt.Prompt, prompt.Answers[pair.First].Text, prompt.Answers[pair.Second].Text)))
            .Select(question => question.Call);
    }

    /// <summary>Asks all questions about a prompt's answers.</summary>
    /// <param name="prompt">The prompt and its answers; blank ones are not shown.</param>
    /// <param name="cancellation">Gives it up.</param>
    /// <exception cref="RunFailedException">The budget is spent, or the journal cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async Task<JudgedPrompt> Of(AnsweredPrompt prompt, CancellationToken cancellation)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        var judgeable = prompt.Judgeable;
        var pairs = Pairs(judgeable).ToList();
        // All are under way at a time: how many calls an endpoint takes is the calls' own matter.
        var aspects = Task.WhenAll((judgeable.Length == 0 ? [] : AspectsAsked()).Select(aspect => _aspects.Judge(aspect, prompt, cancellation)));
        var overall = Task.WhenAll((Asks(JudgingOptions.Overall) ? judgeable : []).Select(answer => _overall.Judge(prompt, answer, cancellation)));
        var compared = Task.WhenAll(pairs.Select(pair =>
            _pairwise.Compare(Purpose(prompt, pair), prompt.Prompt, prompt.Answers[pair.First].Text, prompt.Answers[pair.Second].Text, cancellation)));
        await Task.WhenAll(aspects, overall, compared).ConfigureAwait(false);
        var outcomes = new JudgeOutcomes(prompt, await aspects.ConfigureAwait(false), [.. judgeable.Zip(await overall.ConfigureAwait(false))],
            [.. pairs.Zip(await compared.ConfigureAwait(false))]);
        return outcomes.ToJudgedPrompt(_name, AspectsAsked(), Asks(JudgingOptions.Overall), Asks(JudgingOptions.ByPairs));
    }

    /// <summary>A prompt about which nothing is asked: there is no score, and the reason stands where one would. It is no failure, as nothing was to be had.</summary>
    /// <param name="prompt">The prompt and its answers.</param>
    /// <param name="reason">Why, as a clause.</param>
    public JudgedPrompt NotAsked(AnsweredPrompt prompt, string reason)
    {
        ArgumentNullException.ThrowIfNull(prompt);
        var why = $"not asked: {reason}";
        var nothing = new AnswerJudgment([.. AspectsAsked().Select(aspect => KeyValuePair.Create(aspect, new AspectRating(null, "", null, why)))],
            Asks(JudgingOptions.Overall) ? new(null, "", why) : null, Asks(JudgingOptions.ByPairs) ? [] : null);
        return new(prompt, "", [.. prompt.Answers.Select(_ => nothing)], [], 0, 0, 0);
    }

    private IReadOnlyList<string> AspectsAsked() => Asks(JudgingOptions.ByAspects) ? _options.Aspects : [];

    private bool Asks(string judgment) => _options.Judgments.Contains(judgment);

    private IEnumerable<(int First, int Second)> Pairs(int[] judgeable) => Asks(JudgingOptions.ByPairs)
        ? judgeable.SelectMany((first, i) => judgeable.Skip(i + 1).Select(second => (first, second)))
        : [];

    private static string Purpose(AnsweredPrompt prompt, (int First, int Second) pair) =>
        $"judge/pairwise/{PromptId.Of(prompt.Prompt)}/{pair.First + 1}-{pair.Second + 1}";
}
