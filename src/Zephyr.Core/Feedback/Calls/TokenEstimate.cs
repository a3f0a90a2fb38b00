using System.Text;
using Zephyr.Data;

namespace Zephyr.Feedback.Calls;

/// <summary>Tokens of texts whose tokenizer is not at hand.</summary>
internal static class TokenEstimate
{
    // What a template puts around a turn, generously.
    private const int PerTurn = 16;

    /// <summary>About how many: four bytes a token, as English text has.</summary>
    public static long Likely(IEnumerable<ChatMessage> messages) => messages.Sum(message => Likely(message.Content) + 4);

    /// <inheritdoc cref="Likely(IEnumerable{ChatMessage})"/>
    public static long Likely(string text) => (Encoding.UTF8.GetByteCount(text) + 3) / 4;

    /// <summary>No tokenizer of bytes makes more: a byte each.</summary>
    public static long AtMost(IEnumerable<ChatMessage> messages) => messages.Sum(message => Encoding.UTF8.GetByteCount(message.Content) + PerTurn);
}
