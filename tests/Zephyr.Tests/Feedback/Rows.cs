using Zephyr.Data.Sources;

namespace Zephyr.Tests.Feedback;

/// <summary>Scored prompts, made by hand.</summary>
internal static class Rows
{
    /// <summary>A prompt whose answers are "answer 0", "answer 1", ... of the models m0, m1, ..., with these scores.</summary>
    public static ScoredPrompt Scored(string prompt, params long[] scores) =>
        Answers(prompt, [.. scores.Select((score, i) => ($"answer {i}", (object?)score))]);

    public static ScoredPrompt Answers(string prompt, params (string Text, object? Score)[] answers) =>
        new(new("rows.jsonl", 1, IsLine: true), prompt,
            [.. answers.Select((answer, i) => Answer($"m{i}", answer.Text, answer.Score))]);

    public static ScoredCompletion Answer(string model, string text, object? score) =>
        new(model, text, new Dictionary<string, object?> { ["response"] = text, ["overall_score"] = score });
}
