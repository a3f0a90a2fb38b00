using Zephyr.Data;

namespace Zephyr.Feedback;

/// <summary>The two sides of a pair as columns show them.</summary>
internal static class PairColumns
{
    /// <summary>The prompt's turn and the answer's.</summary>
    public static ChatMessage[] Dialogue(ScoredPair pair, Candidate answer) =>
        [new(ChatMessage.User, pair.Prompt), new(ChatMessage.Assistant, answer.Completion.Response)];
}
