using Spectre.Console;
using Zephyr.Feedback;
using Zephyr.Feedback.Calls;
using static Zephyr.Cli.Rendering.PlainText;

namespace Zephyr.Cli.Rendering;

/// <summary>What models were asked, and what it cost.</summary>
internal static class CallTable
{
    /// <param name="console">stdout.</param>
    /// <param name="asked">The sums.</param>
    public static void Write(IAnsiConsole console, AskingAudit asked)
    {
        ResultTable.Write(console, ["", ">count"],
        [
            ["prompts", Whole(asked.Prompts)],
            ["answers", Whole(asked.Answers)],
            .. asked.FailedAnswers > 0 ? [["answers that could not be had", Whole(asked.FailedAnswers)]] : Array.Empty<string[]>(),
            .. asked.FailedJudgments > 0 ? [["questions to the judge that came to nothing", Whole(asked.FailedJudgments)]] : Array.Empty<string[]>(),
        ]);
        Write(console, asked.Calls);
    }

    /// <summary>Calls, tokens and cost by role and model.</summary>
    public static void Write(IAnsiConsole console, IReadOnlyList<ModelUsage> calls) => ResultTable.Write(console,
        ["role", "model", ">calls", ">failed", ">prompt tokens", ">answer tokens", ">cost"],
        calls.Select(model => new[]
        {
            model.Role, model.Model, Whole(model.Usage.Calls), Whole(model.Usage.Failed), Whole(model.Usage.PromptTokens), Whole(model.Usage.CompletionTokens), Money(model.Usage.Cost),
        }));
}
