using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>Conversations to training sequences, with a line that says what became of them.</summary>
internal static class ConversationRows
{
    /// <summary>Tokenizes the rows as they stream in, and packs or cuts them.</summary>
    /// <param name="what">training or held-out, for the messages.</param>
    /// <param name="rows">The conversations.</param>
    /// <param name="bad">What a conversation does that cannot be tokenized.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="options">Length, packing, labels.</param>
    /// <param name="insertSystem">Insert an empty system turn where there is none.</param>
    /// <param name="note">Takes the line.</param>
    /// <param name="cancellation">Ends it between two rows.</param>
    /// <exception cref="UserErrorException">A bad row, or nothing is left to learn from.</exception>
    public static IReadOnlyList<TokenSequence> Tokenize(string what, IEnumerable<Conversation> rows, BadRows bad, MistralTokenizer tokenizer, SftOptions options,
        bool insertSystem, Action<string> note, CancellationToken cancellation)
    {
        var tokenize = new ConversationTokenizer(tokenizer, insertSystem);
        var tokenized = bad.Select(rows.Until(cancellation), row => tokenize.Tokenize(Checked(row, options)));
        var packed = options.Packing
            ? Packing.Wrapped(tokenized, options.MaxSeqLength, tokenizer.EosId, options.AssistantOnlyLoss)
            : Packing.OneEach(tokenized, options.MaxSeqLength, options.AssistantOnlyLoss);
        if (packed.Sequences.Count == 0)
            throw new UserErrorException($"none of the {packed.Documents} {what} conversations leaves a sequence to learn from: "
                + $"{packed.TokensDropped} tokens do not fill a block of max_seq_length {options.MaxSeqLength}, {packed.WithoutLabels} have no supervised token");
        note($"{what} data: {packed.Documents} conversations, {packed.Sequences.Count} {(options.Packing ? "packed blocks" : "sequences")} "
            + $"of up to {options.MaxSeqLength} tokens, {packed.Sequences.Sum(sequence => (long)sequence.LabelCount)} labels; "
            + $"{packed.Truncated} cut, {packed.WithoutLabels} left out without a label, {packed.TokensDropped} tokens dropped"
            + (tokenize.Skipped.Describe() is { } skipped ? "; " + skipped : ""));
        return packed.Sequences;
    }

    /// <summary>In a text nobody speaks, so nothing of it would be learnt where only the assistant's words are.</summary>
    private static Conversation Checked(Conversation row, SftOptions options) => row.Text is null || !options.AssistantOnlyLoss
        ? row
        : throw new BadRowException(row.Location, "text", "a text without turns", "a conversation with an assistant turn, as assistant_only_loss is true");

    /// <summary>What a held-out conversation may not share with a training one: its first question, or its text.</summary>
    public static string PromptOf(Conversation conversation) =>
        conversation.Text ?? conversation.Messages.FirstOrDefault(message => message.Role == ChatMessage.User)?.Content ?? conversation.Messages[0].Content;
}
