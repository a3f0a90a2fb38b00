using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Prepared;
using Zephyr.Data.Text;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>Conversations to training sequences, with lines that say how long they are and what became of them.</summary>
internal static class ConversationRows
{
    /// <summary>Tokenizes the rows as they stream in, and packs or cuts them. The lines come after the last sequence.</summary>
    /// <param name="what">training or held-out, for the messages.</param>
    /// <param name="rows">The conversations.</param>
    /// <param name="bad">What a conversation does that cannot be tokenized.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="options">Length, packing, labels.</param>
    /// <param name="data">Empty system turns, and how many threads work.</param>
    /// <param name="note">Takes the lines.</param>
    /// <param name="cancellation">Ends it between two rows.</param>
    /// <param name="scratch">The folder for what has to wait for the last row; null for where temporary files go.</param>
    /// <param name="measured">Takes the lengths too; null for nobody.</param>
    /// <exception cref="UserErrorException">A bad row, or nothing is left to learn from.</exception>
    public static IEnumerable<TokenSequence> Tokenize(string what, IEnumerable<Conversation> rows, BadRows bad, MistralTokenizer tokenizer, SftOptions options,
        DataOptions data, Action<string> note, CancellationToken cancellation, string? scratch = null, LengthSeries? measured = null)
    {
        var tokenize = new ConversationTokenizer(tokenizer, data.AutoInsertEmptySystemMsg);
        var lengths = measured ?? new LengthSeries("conversation");
        var outcomes = rows.SelectOrdered(row => RowOutcome.Of(row, one => tokenize.Tokenize(Checked(one, options))), data.DatasetNumProc, cancellation);
        var tokenized = bad.Kept(outcomes).Select(conversation =>
        {
            lengths.Add(conversation.Ids.Length, Keeps(options) ? conversation.Ids.Length : Math.Min(options.MaxSeqLength, conversation.Ids.Length));
            return conversation;
        });
        var tally = new PackingTally();
        var (count, tokens, labels) = (0, 0L, 0L);
        foreach (var sequence in Pack(tokenized, options, tokenizer, tally, scratch))
        {
            (count, tokens, labels) = (count + 1, tokens + sequence.Ids.Length, labels + sequence.LabelCount);
            yield return sequence;
        }
        if (count == 0)
            throw new UserErrorException($"none of the {tally.Documents} {what} conversations leaves a sequence to learn from: "
                + $"{tally.TokensDropped} tokens do not fill a block of max_seq_length {options.MaxSeqLength}, {tally.WithoutLabels} have no supervised token");
        note($"{what} data: {tally.Documents} conversations, {count} {(options.Packing ? $"packed rows ({options.PackingStrategy}, {100.0 * tokens / ((long)count * options.MaxSeqLength):0.0}% full)" : "sequences")} "
            + $"of up to {options.MaxSeqLength} tokens, {labels} labels; "
            + $"{tally.TooLong} {(options.Packing && options.PackingStrategy == "bfd_split" ? "split" : "cut")}, {tally.WithoutLabels} left out without a label, {tally.TokensDropped} tokens dropped"
            + (tokenize.Skipped.Describe() is { } skipped ? "; " + skipped : ""));
        foreach (var line in new LengthReport(what, lengths).Lines) note(line);
    }

    /// <summary>In a text nobody speaks, so nothing of it would be learnt where only the assistant's words are.</summary>
    internal static Conversation Checked(Conversation row, SftOptions options) => row.Text is null || !options.AssistantOnlyLoss
        ? row
        : throw new BadRowException(row.Location, "text", "a text without turns", "a conversation with an assistant turn, as assistant_only_loss is true");

    private static IEnumerable<TokenSequence> Pack(
        IEnumerable<TokenizedConversation> conversations, SftOptions options, MistralTokenizer tokenizer, PackingTally tally, string? scratch) => options switch
        {
            { Packing: false } => Packing.OneEach(conversations, options.MaxSeqLength, options.AssistantOnlyLoss, tally),
            { PackingStrategy: "wrapped" } => Packing.Wrapped(conversations, options.MaxSeqLength, tokenizer.EosId, options.AssistantOnlyLoss, tally),
            // Where a document goes depends on all of them: until that is known they stay on disk.
            _ => Packing.BestFit(conversations, options.MaxSeqLength, options.AssistantOnlyLoss, split: options.PackingStrategy == "bfd_split",
                documents => ScratchFile.Hold(new SequenceFormat(), tokenizer.HasNarrowIds, documents, scratch), tally),
        };

    /// <summary>Whether a conversation over the length keeps all its tokens, as parts.</summary>
    private static bool Keeps(SftOptions options) => options.Packing && options.PackingStrategy != "bfd";

    /// <summary>What a held-out conversation may not share with a training one: its first question, or its text.</summary>
    public static string PromptOf(Conversation conversation) =>
        conversation.Text ?? conversation.Messages.FirstOrDefault(message => message.Role == ChatMessage.User)?.Content ?? conversation.Messages[0].Content;
}
