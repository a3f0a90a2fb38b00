namespace Zephyr.Feedback.Calls;

/// <summary>What calls came to.</summary>
/// <param name="Calls">How many were made, answered or not.</param>
/// <param name="Failed">Those without an answer.</param>
/// <param name="PromptTokens">Tokens read.</param>
/// <param name="CompletionTokens">Tokens written.</param>
/// <param name="Cost">By the prices of the pool.</param>
public sealed record CallUsage(long Calls, long Failed, long PromptTokens, long CompletionTokens, decimal Cost)
{
    /// <summary>Nothing.</summary>
    public static CallUsage None { get; } = new(0, 0, 0, 0, 0);

    /// <summary>Read and written.</summary>
    public long Tokens => PromptTokens + CompletionTokens;

    /// <summary>The sum.</summary>
    public static CallUsage operator +(CallUsage one, CallUsage other) => new(one.Calls + other.Calls, one.Failed + other.Failed,
        one.PromptTokens + other.PromptTokens, one.CompletionTokens + other.CompletionTokens, one.Cost + other.Cost);

    internal static CallUsage Of(JournalRecord record) => new(1, record.Answer.Failure is null ? 0 : 1, record.Answer.PromptTokens, record.Answer.CompletionTokens, record.Cost);
}

/// <summary>What one model came to in one role.</summary>
/// <param name="Role">generate, judge: the first part of the calls' purpose.</param>
/// <param name="Model">Its name in the pool.</param>
/// <param name="Usage">The sums.</param>
public sealed record ModelUsage(string Role, string Model, CallUsage Usage);
