using Zephyr.Data;

namespace Zephyr.Feedback.Calls;

/// <summary>How a model is to answer.</summary>
/// <param name="Temperature">0 is greedy.</param>
/// <param name="TopP">The smallest set of likeliest tokens that reaches this probability; 1 for all.</param>
/// <param name="MaxNewTokens">The most tokens of the answer.</param>
/// <param name="Seed">Seed of the draws, where the model takes one.</param>
/// <param name="JsonSchema">The form that the answer must have, where the model can be held to one: a JSON Schema.</param>
public sealed record CallOptions(double Temperature = 1, double TopP = 1, int MaxNewTokens = 1024, long? Seed = null, string? JsonSchema = null);

/// <summary>One question to a model. Two calls that are equal in every part are the same call, and are paid for once.</summary>
/// <param name="Purpose">
/// What it is for, with what tells it from others of the same words: "generate/PROMPT_ID/0", "judge/honesty/PROMPT_ID/re-ask 1". What stands before the
/// first slash is the role that costs are told by.
/// </param>
/// <param name="Model">The model's name in the pool.</param>
/// <param name="Messages">The conversation so far; the last turn is the user's.</param>
/// <param name="Options">How it is to answer.</param>
public sealed record ModelCall(string Purpose, string Model, IReadOnlyList<ChatMessage> Messages, CallOptions Options)
{
    /// <summary>The part of the purpose that costs are told by: generate, judge.</summary>
    public string Role => Purpose.Split('/', 2)[0];
}

/// <summary>What became of a call: an answer, or the reason why there is none.</summary>
/// <param name="Text">The answer, which may be empty; null where there is none.</param>
/// <param name="Failure">Why there is none, in one sentence without secrets; null where there is one.</param>
/// <param name="FinishReason">"stop", "length" or what the model said.</param>
/// <param name="PromptTokens">Tokens read, as the model counts them.</param>
/// <param name="CompletionTokens">Tokens written, as the model counts them.</param>
public sealed record CallAnswer(string? Text, string? Failure = null, string? FinishReason = null, long PromptTokens = 0, long CompletionTokens = 0)
{
    /// <summary>A failure that may pass: the next start of the run asks again (<c>retry_failed</c>).</summary>
    public bool Transient { get; init; }

    /// <summary>How often it was sent; 1 where nothing went wrong.</summary>
    public int Attempts { get; init; } = 1;

    /// <summary>The model did not count its tokens: the numbers are estimates from the length of the texts.</summary>
    public bool TokensEstimated { get; init; }
}
