using Zephyr.Runtime;

namespace Zephyr.Feedback.Judging;

/// <summary>Scores one answer as a whole from 1 to 10, with a critique.</summary>
public sealed class OverallJudge(Inquiry inquiry)
{
    /// <summary>Asks for the score.</summary>
    /// <param name="prompt">The prompt.</param>
    /// <param name="answer">The place of the answer in its list; it must not be blank.</param>
    /// <param name="cancellation">Gives it up.</param>
    /// <exception cref="RunFailedException">The budget is spent, or the journal cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    public Task<Judged<Score>> Judge(AnsweredPrompt prompt, int answer, CancellationToken cancellation) =>
        inquiry.Ask(Prepare(prompt, answer), text => ScoreParser.Parse(text, RatingScale.Overall), cancellation);

    internal Question Prepare(AnsweredPrompt prompt, int answer)
    {
        var text = prompt.Answers[answer].Text;
        var fence = Fence.Of(inquiry.Settings.Seed, prompt.Prompt, text);
        return inquiry.Prepare($"judge/overall/{PromptId.Of(prompt.Prompt)}/{answer + 1}", inquiry.Rubrics[RubricSet.Overall], AnswerForms.Score(RatingScale.Overall, "critique"), fence, new()
        {
            ["prompt"] = fence.Around("REQUEST", prompt.Prompt),
            ["answer"] = fence.Around("ANSWER", text),
        });
    }
}
