using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Zephyr.Feedback.Calls;

namespace Zephyr.Tests.Feedback.Judging;

/// <summary>A model that answers as a test says, and remembers what it was asked.</summary>
internal sealed partial class ScriptedCalls(Func<ModelCall, CallAnswer> answer) : IModelCalls
{
    private readonly ConcurrentQueue<ModelCall> _asked = new();

    /// <summary>One answer after the other, whatever is asked.</summary>
    public static ScriptedCalls InTurn(params string[] answers)
    {
        var next = -1;
        return new(_ => new(answers[Interlocked.Increment(ref next)], FinishReason: "stop", PromptTokens: 100, CompletionTokens: 10));
    }

    public IReadOnlyList<ModelCall> Asked => [.. _asked];

    public Task<CallAnswer> Ask(ModelCall question, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        _asked.Enqueue(question);
        return Task.FromResult(answer(question));
    }

    /// <summary>The answers that a question shows, in the order in which it shows them.</summary>
    public static string[] Shown(ModelCall question) =>
        [.. Answer().Matches(question.Messages.Last(turn => turn.Role == "user" && turn.Content.Contains("<<<", StringComparison.Ordinal)).Content).Select(match => match.Groups[1].Value)];

    [GeneratedRegex(@"<<<ANSWER[^\n>]*>>>\n(.*?)\n<<<END", RegexOptions.Singleline)]
    private static partial Regex Answer();
}
