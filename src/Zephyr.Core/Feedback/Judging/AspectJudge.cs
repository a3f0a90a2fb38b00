using Zephyr.Data;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Judging;

/// <summary>The ratings of a prompt's answers on one aspect, from one call.</summary>
/// <param name="Aspect">The aspect.</param>
/// <param name="Order">The answers as they were shown: the first one's place in the prompt's list, the second one's, and so on.</param>
/// <param name="Outcome">The ratings in the order in which the answers were shown, or the failure of all of them.</param>
public sealed record AspectJudgment(string Aspect, IReadOnlyList<int> Order, Judged<IReadOnlyList<Rating>> Outcome);

/// <summary>Rates all answers to a prompt on one aspect at once, as UltraFeedback did: the judge sees them in a seeded shuffled order.</summary>
public sealed class AspectJudge(Inquiry inquiry)
{
    // "judg" in ASCII: the orders are independent of everything else that is drawn for a prompt.
    private const long Stream = 0x6A756467;

    /// <summary>Asks for the ratings.</summary>
    /// <param name="aspect">The aspect, of which there must be a rubric.</param>
    /// <param name="prompt">The prompt, with at least one answer that is not blank; blank ones are not shown.</param>
    /// <param name="cancellation">Gives it up.</param>
    /// <exception cref="UserErrorException">There is no rubric of the aspect.</exception>
    /// <exception cref="RunFailedException">The budget is spent, or the journal cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public async Task<AspectJudgment> Judge(string aspect, AnsweredPrompt prompt, CancellationToken cancellation)
    {
        var order = Order(aspect, prompt);
        var outcome = await inquiry.Ask(Prepare(aspect, prompt), text => RatingsParser.Parse(text, order.Length, RatingScale.Aspect), cancellation).ConfigureAwait(false);
        return new(aspect, order, outcome);
    }

    internal Question Prepare(string aspect, AnsweredPrompt prompt)
    {
        var order = Order(aspect, prompt);
        var fence = Fence.Of(inquiry.Settings.Seed, [prompt.Prompt, .. order.Select(i => prompt.Answers[i].Text)]);
        return inquiry.Prepare($"judge/{aspect}/{PromptId.Of(prompt.Prompt)}", inquiry.Rubrics.OfAspect(aspect), AnswerForms.Ratings(order.Length, RatingScale.Aspect), fence, new()
        {
            ["prompt"] = fence.Around("REQUEST", prompt.Prompt),
            ["answers"] = string.Join("\n\n", order.Select((answer, i) => fence.Around($"ANSWER {i + 1}", prompt.Answers[answer].Text))),
            ["count"] = $"{order.Length}",
        });
    }

    /// <summary>A function of the seed, the aspect and the prompt's text: each aspect has an order of its own, the same in every run.</summary>
    private int[] Order(string aspect, AnsweredPrompt prompt)
    {
        var judgeable = prompt.Judgeable;
        var random = new SeededRandom(inquiry.Settings.Seed, Stream, PromptKey.Of(aspect), PromptKey.Of(prompt.Prompt));
        return [.. random.Permutation(judgeable.Length).Select(i => judgeable[i])];
    }
}
