using Zephyr.Data;
using Zephyr.Feedback.Calls;
using Zephyr.Runtime;

namespace Zephyr.Feedback.Judging;

/// <summary>How a judge is asked.</summary>
/// <param name="Model">Its name in the pool.</param>
/// <param name="Seed">The run's seed: of the orders in which answers are shown and of the codes of their fences.</param>
/// <param name="MaxReasks">How often a judge is told that its answer could not be read before that is recorded as a failure.</param>
/// <param name="Temperature">0 is greedy.</param>
/// <param name="MaxNewTokens">The most tokens of a judge's answer.</param>
public sealed record JudgeSettings(string Model, long Seed, int MaxReasks = 2, double Temperature = 0, int MaxNewTokens = 2048);

/// <summary>What became of a question to a judge.</summary>
/// <param name="Value">The judgment; null where there is none.</param>
/// <param name="Failure">Why there is none; null where there is one.</param>
/// <param name="Asked">How often it was asked, from 1.</param>
/// <param name="PromptTokens">Tokens read in all of these calls, as the model counts them.</param>
/// <param name="CompletionTokens">Tokens written in them.</param>
public sealed record Judged<T>(T? Value, string? Failure, int Asked, long PromptTokens, long CompletionTokens) where T : class;

/// <summary>A question to a judge, before it is asked.</summary>
/// <param name="Call">The first call.</param>
/// <param name="Form">The form of its answer.</param>
/// <param name="Fence">What its texts stand in.</param>
internal sealed record Question(ModelCall Call, AnswerForm Form, Fence Fence);

/// <summary>
/// Asks a judge until its answer can be read, a bounded number of times: each time it is shown its answer and told in one turn
/// what was found and what was expected. After that the failure stands.
/// </summary>
/// <param name="calls">Who answers.</param>
/// <param name="rubrics">The questions.</param>
/// <param name="settings">How they are asked.</param>
public sealed class Inquiry(IModelCalls calls, RubricSet rubrics, JudgeSettings settings)
{
    // What a judge is shown again of an answer that could not be read: a runaway one must not fill the context of the next call.
    private const int ShownAgain = 8_000;

    /// <summary>The questions.</summary>
    public RubricSet Rubrics => rubrics;

    /// <summary>How they are asked.</summary>
    public JudgeSettings Settings => settings;

    /// <summary>A question from a rubric.</summary>
    /// <param name="purpose">What the call is for.</param>
    /// <param name="rubric">The question.</param>
    /// <param name="form">The form of the answer.</param>
    /// <param name="fence">What the texts stand in.</param>
    /// <param name="values">The rubric's placeholders but <c>code</c> and <c>form</c>.</param>
    internal Question Prepare(string purpose, Rubric rubric, AnswerForm form, Fence fence, Dictionary<string, string> values)
    {
        var turns = rubric.Render(new Dictionary<string, string>(values) { ["code"] = fence.Code, ["form"] = form.Words });
        var options = new CallOptions(settings.Temperature, 1, settings.MaxNewTokens, settings.Seed, form.JsonSchema);
        return new(new(purpose, settings.Model, turns, options), form, fence);
    }

    /// <summary>Asks.</summary>
    /// <param name="question">The question.</param>
    /// <param name="parse">Reads the judgment out of an answer.</param>
    /// <param name="cancellation">Gives it up.</param>
    /// <exception cref="RunFailedException">The budget is spent, or the journal cannot be written.</exception>
    /// <exception cref="OperationCanceledException">It was given up.</exception>
    internal async Task<Judged<T>> Ask<T>(Question question, Func<string, Parsed<T>> parse, CancellationToken cancellation) where T : class
    {
        var (call, read, written) = (question.Call, 0L, 0L);
        for (var asked = 1; ; asked++)
        {
            var answer = await calls.Ask(call, cancellation).ConfigureAwait(false);
            read += answer.PromptTokens;
            written += answer.CompletionTokens;
            if (answer.Text is not { } text) return new(null, $"no answer: {answer.Failure ?? "without a reason"}", asked, read, written);
            var parsed = IsCutOff(answer) ? Parsed<T>.Bad($"found an answer that is cut off after {settings.MaxNewTokens} tokens, expected a shorter one") : parse(question.Fence.Outside(text));
            if (parsed.Value is { } value) return new(value, null, asked, read, written);
            if (asked > settings.MaxReasks) return new(null, asked == 1 ? parsed.Problem : $"{parsed.Problem} (asked {asked} times)", asked, read, written);
            call = question.Call with { Purpose = $"{question.Call.Purpose}/re-ask {asked}", Messages = Corrected(question, text, parsed.Problem!) };
        }
    }

    /// <summary>Of an answer that is cut off no number is sure: "Score: 1" may be the beginning of a 10.</summary>
    private static bool IsCutOff(CallAnswer answer) => answer.FinishReason == "length";

    private IReadOnlyList<ChatMessage> Corrected(Question question, string text, string problem)
    {
        var told = rubrics[RubricSet.Correction].Render(new Dictionary<string, string> { ["problem"] = problem, ["form"] = question.Form.Words });
        var said = text.Length <= ShownAgain ? text : text[..ShownAgain] + " ...";
        // Some endpoints refuse an empty turn, and two turns of one role.
        if (string.IsNullOrWhiteSpace(said)) return [.. question.Call.Messages.SkipLast(1), question.Call.Messages[^1] with { Content = $"{question.Call.Messages[^1].Content}\n\n{told[^1].Content}" }];
        return [.. question.Call.Messages, new(ChatMessage.Assistant, said), told[^1]];
    }
}
