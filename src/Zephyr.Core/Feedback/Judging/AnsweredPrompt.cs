namespace Zephyr.Feedback.Judging;

/// <summary>A model's answer to a prompt.</summary>
/// <param name="Model">Who answered.</param>
/// <param name="Text">The answer; empty where there is none.</param>
/// <param name="Principle">The name of the principle that it was asked to follow; empty for none.</param>
/// <param name="SystemPrompt">The system turn that it was given; empty for none.</param>
/// <param name="Failure">Why there is no answer; null where there is one.</param>
public sealed record ModelAnswer(string Model, string Text, string Principle = "", string SystemPrompt = "", string? Failure = null)
{
    /// <summary>Whether there is something to judge.</summary>
    public bool IsBlank => Failure is not null || string.IsNullOrWhiteSpace(Text);
}

/// <summary>A prompt with the answers of several models.</summary>
/// <param name="Prompt">One user turn.</param>
/// <param name="Answers">In the order in which they will stand in the row.</param>
/// <param name="Source">Where the prompt is from; empty where that is not known.</param>
public sealed record AnsweredPrompt(string Prompt, IReadOnlyList<ModelAnswer> Answers, string Source = "")
{
    /// <summary>The places of the answers that can be judged.</summary>
    internal int[] Judgeable => [.. Enumerable.Range(0, Answers.Count).Where(i => !Answers[i].IsBlank)];
}
