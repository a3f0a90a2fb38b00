using Zephyr.Configuration;
using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Sources;
using Zephyr.Data.Text;
using Zephyr.Objectives;
using Zephyr.Runtime;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>dSFT, the first step of the recipe: a base model learns to answer from dialogues that a stronger model wrote.</summary>
public static class DistilledSft
{
    /// <summary>Reads the dialogues, trains, and writes the model to output_dir.</summary>
    /// <param name="resolved">A valid configuration with the origin of its values.</param>
    /// <param name="settings">Resume choice and observer.</param>
    /// <param name="cancellation">Finishes the step in hand, saves a checkpoint, and stops.</param>
    /// <exception cref="UserErrorException">Bad input: nothing was written.</exception>
    /// <exception cref="OperationCanceledException">It was cancelled before training began: nothing was written.</exception>
    /// <exception cref="RunFailedException">The run could not go on; the last checkpoint is whole.</exception>
    public static TrainingSummary Run(ResolvedConfig<SftConfig> resolved, StageSettings settings, CancellationToken cancellation)
    {
        var config = resolved.Value;
        var trainFiles = DataFiles.Resolve(config.Data.Dataset);
        var heldFiles = config.Data.EvalDataset.Count > 0 ? DataFiles.Resolve(config.Data.EvalDataset) : [];
        var stage = new TrainingStage("sft", config.Model, config.Run, new(config.Training, config.Optimizer, config.Cadence, config.Run.Seed), resolved.ToJson(), settings);
        stage.RequirePositions("max_seq_length", config.Sft.MaxSeqLength);

        var (train, held) = HeldOutSplit.Split([.. ConversationSchema.Read(trainFiles)], PromptOf, config.Data.EvalFraction, config.Run.Seed);
        if (heldFiles.Count > 0) held = [.. ConversationSchema.Read(heldFiles)];
        var sequences = Sequences("training", train, config, stage, cancellation);
        var heldSequences = held.Count > 0 ? Sequences("held-out", held, config, stage, cancellation) : [];

        using var policy = stage.LoadPolicy();
        var objective = new SftObjective(policy, config.Training.GradientCheckpointing);
        return stage.Train(policy, objective, new(sequences, heldSequences), trainFiles.Concat(heldFiles), cancellation);
    }

    private static IReadOnlyList<TokenSequence> Sequences(string what, IEnumerable<Conversation> conversations, SftConfig config,
        TrainingStage stage, CancellationToken cancellation)
    {
        var (length, assistantOnly) = (config.Sft.MaxSeqLength, config.Sft.AssistantOnlyLoss);
        var tokenize = new ConversationTokenizer(stage.Tokenizer, config.Data.AutoInsertEmptySystemMsg);
        var tokenized = conversations.Select(conversation =>
        {
            cancellation.ThrowIfCancellationRequested();
            return tokenize.Tokenize(conversation);
        });
        var packed = config.Sft.Packing
            ? Packing.Wrapped(tokenized, length, stage.Tokenizer.EosId, assistantOnly)
            : Packing.OneEach(tokenized, length, assistantOnly);
        if (packed.Sequences.Count == 0)
            throw new UserErrorException($"none of the {packed.Documents} {what} conversations leaves a sequence to learn from: "
                + $"{packed.TokensDropped} tokens do not fill a block of max_seq_length {length}, {packed.WithoutLabels} have no supervised token");
        stage.Note($"{what} data: {packed.Documents} conversations, {packed.Sequences.Count} {(config.Sft.Packing ? "packed blocks" : "sequences")} of up to {length} tokens, "
            + $"{packed.Sequences.Sum(sequence => (long)sequence.LabelCount)} labels; {packed.Truncated} cut, {packed.WithoutLabels} left out without a label, {packed.TokensDropped} tokens dropped");
        return packed.Sequences;
    }

    private static string PromptOf(Conversation conversation) =>
        conversation.Messages.FirstOrDefault(message => message.Role == ChatMessage.User)?.Content ?? conversation.Messages[0].Content;
}
