using Zephyr.Data;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Objectives;
using static TorchSharp.torch;

namespace Zephyr.Evaluation;

/// <summary>How likely a model finds one sequence.</summary>
/// <param name="Location">Its row; null where it is packed of several.</param>
/// <param name="NegativeLogLikelihood">-sum of log p over its labels, in nats.</param>
/// <param name="Tokens">Its labels.</param>
/// <param name="Bytes">UTF-8 bytes of text that they stand for.</param>
public readonly record struct SequenceScore(RowLocation? Location, double NegativeLogLikelihood, int Tokens, long Bytes);

/// <summary>How likely a model, and a reference, find the two answers of a pair.</summary>
/// <param name="Location">Its row.</param>
/// <param name="Chosen">log pi(chosen | prompt), in nats.</param>
/// <param name="Rejected">log pi(rejected | prompt).</param>
/// <param name="ReferenceChosen">The same of the reference; 0 without one.</param>
/// <param name="ReferenceRejected">The same of the reference; 0 without one.</param>
/// <param name="ChosenTokens">Tokens of the chosen answer.</param>
/// <param name="RejectedTokens">Tokens of the rejected one.</param>
/// <param name="IsCut">Whether the prompt or an answer lost tokens.</param>
public readonly record struct PairScore(
    RowLocation Location, double Chosen, double Rejected, double ReferenceChosen, double ReferenceRejected, int ChosenTokens, int RejectedTokens, bool IsCut)
{
    /// <summary>h = log pi(chosen)/pi_ref(chosen) - log pi(rejected)/pi_ref(rejected).</summary>
    public double Difference => Chosen - ReferenceChosen - (Rejected - ReferenceRejected);

    /// <summary>Log-probability a token of the chosen answer less that of the rejected one, without the reference.</summary>
    public double DifferencePerToken => Chosen / ChosenTokens - Rejected / RejectedTokens;
}

/// <summary>A model's log-probabilities of rows, one by one: what every figure of an evaluation is made of.</summary>
public static class RowScores
{
    /// <summary>Scores sequences in their order.</summary>
    /// <param name="model">The model.</param>
    /// <param name="sequences">Sequences with labels.</param>
    /// <param name="bytes">Counts bytes.</param>
    /// <param name="batchSize">Sequences in a forward pass; it does not change the result beyond rounding.</param>
    /// <param name="cancellation">Ends it between two passes.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IEnumerable<SequenceScore> Of(MistralForCausalLM model, IReadOnlyList<TokenSequence> sequences, TokenBytes bytes, int batchSize, CancellationToken cancellation)
    {
        using var workspace = new LogitsWorkspace();
        for (var start = 0; start < sequences.Count; start += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            List<TokenSequence> batch = [.. Enumerable.Range(start, Math.Min(batchSize, sequences.Count - start)).Select(i => sequences[i])];
            var sums = SumsOf(model, LabelledBatch.Of(batch), workspace);
            var group = 0;
            foreach (var sequence in batch)
            {
                // A packed sequence has a sum for each of its documents.
                var documents = sequence.Documents.Count();
                yield return new(sequence.Location, -sums[group..(group + documents)].Sum(), sequence.LabelCount, bytes.Of(sequence));
                group += documents;
            }
        }
    }

    /// <summary>Scores pairs in their order.</summary>
    /// <param name="model">The model.</param>
    /// <param name="reference">The model before alignment; null for none.</param>
    /// <param name="pairs">The pairs.</param>
    /// <param name="batchSize">Pairs in a forward pass.</param>
    /// <param name="cancellation">Ends it between two passes.</param>
    /// <exception cref="OperationCanceledException">It was cancelled.</exception>
    public static IEnumerable<PairScore> Of(MistralForCausalLM model, MistralForCausalLM? reference, IReadOnlyList<TokenizedPair> pairs, int batchSize, CancellationToken cancellation)
    {
        using var workspace = new LogitsWorkspace();
        for (var start = 0; start < pairs.Count; start += batchSize)
        {
            cancellation.ThrowIfCancellationRequested();
            List<TokenizedPair> batch = [.. Enumerable.Range(start, Math.Min(batchSize, pairs.Count - start)).Select(i => pairs[i])];
            // Prompts are computed once for both answers: the same numbers in less time.
            var laidOut = SharedPrompt.Of(batch);
            var sums = SumsOf(model, laidOut, workspace);
            var ofReference = reference is null ? new double[2 * batch.Count] : SumsOf(reference, laidOut, workspace);
            for (var i = 0; i < batch.Count; i++)
            {
                var (pair, rejected) = (batch[i], i + batch.Count);
                yield return new(pair.Location, sums[i], sums[rejected], ofReference[i], ofReference[rejected], pair.ChosenIds.Length, pair.RejectedIds.Length,
                    pair.Whole.Prompt > pair.PromptIds.Length || pair.Whole.Chosen > pair.ChosenIds.Length || pair.Whole.Rejected > pair.RejectedIds.Length);
            }
        }
    }

    private static double[] SumsOf(MistralForCausalLM model, LabelledBatch batch, LogitsWorkspace workspace)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var head = new LabelLogProbs(model, batch, workspace);
        return head.SumBySequence(head.Forward(model.HiddenStates(batch.Batch))).to_type(ScalarType.Float64).cpu().data<double>().ToArray();
    }
}
