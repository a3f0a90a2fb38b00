using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Runtime;

namespace Zephyr.Pipeline;

/// <summary>Conversations to training sequences, with lines that say how long they are and what became of them.</summary>
internal static class ConversationRows
{
    /// <summary>Tokenizes the rows as they stream in, and packs or cuts them.</summary>
    /// <param name="what">training or held-out, for the messages.</param>
    /// <param name="rows">The conversations.</param>
    /// <param name="bad">What a conversation does that cannot be tokenized.</param>
    /// <param name="tokenizer">The tokenizer.</param>
    /// <param name="options">Length, packing, labels.</param>
    /// <param name="data">Empty system turns, and how many threads work.</param>
    /// <param name="note">Takes the lines.</param>
    /// <param name="cancellation">Ends it between two rows.</param>
    /// <exception cref="UserErrorException">A bad row, or nothing is left to learn from.</exception>
    public static IReadOnlyList<TokenSequence> Tokenize(string what, IEnumerable<Conversation> rows, BadRows bad, MistralTokenizer tokenizer, SftOptions options,
        DataOptions data, Action<string> note, CancellationToken cancellation)
    {
        var tokenize = new ConversationTokenizer(tokenizer, data.AutoInsertEmptySystemMsg);
        var lengths = new List<(int Whole, int Kept)>();
        var outcomes = rows.SelectOrdered(row => RowOutcome.Of(row, one => tokenize.Tokenize(Checked(one, options))), data.DatasetNumProc, cancellation);
        var tokenized = bad.Kept(outcomes).Select(conversation =>
        {
            lengths.Add((conversation.Ids.Length, Keeps(options) ? conversation.Ids.Length : Math.Min(options.MaxSeqLength, conversation.Ids.Length)));
            return conversation;
        });
        var packed = Pack(tokenized, options, tokenizer.EosId);
        if (packed.Sequences.Count == 0)
            throw new UserErrorException($"none of the {packed.Documents} {what} conversations leaves a sequence to learn from: "
                + $"{packed.TokensDropped} tokens do not fill a block of max_seq_length {options.MaxSeqLength}, {packed.WithoutLabels} have no supervised token");
        note($"{what} data: {packed.Documents} conversations, {packed.Sequences.Count} {(options.Packing ? $"packed rows ({options.PackingStrategy}, {FillOf(packed, options)} full)" : "sequences")} "
            + $"of up to {options.MaxSeqLength} tokens, {packed.Sequences.Sum(sequence => (long)sequence.LabelCount)} labels; "
            + $"{packed.TooLong} {(options.Packing && options.PackingStrategy == "bfd_split" ? "split" : "cut")}, {packed.WithoutLabels} left out without a label, {packed.TokensDropped} tokens dropped"
            + (tokenize.Skipped.Describe() is { } skipped ? "; " + skipped : ""));
        foreach (var line in new LengthReport(what, new LengthSeries("conversation", lengths)).Lines) note(line);
        return packed.Sequences;
    }

    /// <summary>In a text nobody speaks, so nothing of it would be learnt where only the assistant's words are.</summary>
    internal static Conversation Checked(Conversation row, SftOptions options) => row.Text is null || !options.AssistantOnlyLoss
        ? row
        : throw new BadRowException(row.Location, "text", "a text without turns", "a conversation with an assistant turn, as assistant_only_loss is true");

    private static PackedSequences Pack(IEnumerable<TokenizedConversation> conversations, SftOptions options, int endId) => options switch
    {
        { Packing: false } => Packing.OneEach(conversations, options.MaxSeqLength, options.AssistantOnlyLoss),
        { PackingStrategy: "wrapped" } => Packing.Wrapped(conversations, options.MaxSeqLength, endId, options.AssistantOnlyLoss),
        _ => Packing.BestFit(conversations, options.MaxSeqLength, options.AssistantOnlyLoss, split: options.PackingStrategy == "bfd_split"),
    };

    /// <summary>Whether a conversation over the length keeps all its tokens, as parts.</summary>
    private static bool Keeps(SftOptions options) => options.Packing && options.PackingStrategy != "bfd";

    private static string FillOf(PackedSequences packed, SftOptions options) =>
        $"{100.0 * packed.Sequences.Sum(sequence => (long)sequence.Ids.Length) / ((long)packed.Sequences.Count * options.MaxSeqLength):0.0}%";

    /// <summary>What a held-out conversation may not share with a training one: its first question, or its text.</summary>
    public static string PromptOf(Conversation conversation) =>
        conversation.Text ?? conversation.Messages.FirstOrDefault(message => message.Role == ChatMessage.User)?.Content ?? conversation.Messages[0].Content;
}
