using TorchSharp;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Model;
using static TorchSharp.torch;

namespace Zephyr.Objectives;

/// <summary>How the objective is set.</summary>
/// <param name="Loss">Which preference loss.</param>
/// <param name="Beta">Strength of the hold to the reference.</param>
/// <param name="LabelSmoothing">Assumed share of flipped labels.</param>
/// <param name="Concatenated">Chosen and rejected in one ragged pass instead of a pass each.</param>
/// <param name="Recompute">Keep each layer's input only.</param>
public sealed record DpoSettings(DpoLossType Loss, double Beta, double LabelSmoothing, bool Concatenated, bool Recompute);

/// <summary>
/// Distilled direct preference optimisation (the paper's equation 2): four forward passes a step, policy and frozen
/// reference on the chosen and the rejected answers. Two phases (decision 13): log-probabilities first, then the
/// coefficient of each sequence goes back through the head and the layers.
/// </summary>
public sealed class DpoObjective(MistralForCausalLM policy, MistralForCausalLM reference, DpoSettings settings) : IObjective<TokenizedPair>
{
    /// <summary>TRL's names.</summary>
    public IReadOnlyList<string> MetricNames { get; } =
        ["loss", "rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins", "logps/chosen", "logps/rejected"];

    /// <inheritdoc/>
    public double WeightOf(TokenizedPair example) => 1;

    /// <inheritdoc/>
    public int TokensOf(TokenizedPair example) =>
        2 * example.PromptIds.Length + example.ChosenIds.Length + example.RejectedIds.Length;

    /// <inheritdoc/>
    public Tensor Evaluate(IReadOnlyList<TokenizedPair> examples)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var batches = Batches(examples);
        var pairs = Pairs(examples, Sums(policy, batches), Sums(reference, batches));
        return Metrics(pairs, Loss(pairs)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor AccumulateGradients(IReadOnlyList<TokenizedPair> examples)
    {
        using var scope = NewDisposeScope();
        var batches = Batches(examples);
        Tensor referenceSums;
        using (no_grad()) referenceSums = Sums(reference, batches);

        List<ForwardPass> passes = [];
        try
        {
            foreach (var batch in batches) passes.Add(policy.Forward(batch.Batch, settings.Recompute));
            return GradientsOf(examples, batches, passes, referenceSums).MoveToOuterDisposeScope();
        }
        finally
        {
            foreach (var pass in passes) pass.Dispose();
        }
    }

    /// <summary>Both phases: the log-probabilities and each sequence's coefficient, then the way back.</summary>
    private Tensor GradientsOf(IReadOnlyList<TokenizedPair> examples, List<LabelledBatch> batches, List<ForwardPass> passes, Tensor referenceSums)
    {
        using var scope = NewDisposeScope();
        var heads = batches.Select(batch => new LabelLogProbs(policy, batch)).ToList();
        var policySums = cat([.. heads.Zip(passes, (head, pass) => head.SumBySequence(head.Forward(pass.Hidden_TD)))], 0);
        policySums.requires_grad_(true);
        var pairs = Pairs(examples, policySums, referenceSums);
        var losses_N = Loss(pairs);
        losses_N.sum().backward();

        using var coefficients = policySums.grad!;
        long start = 0;
        for (var i = 0; i < passes.Count; i++)
        {
            using var inner = NewDisposeScope();
            using var pass = passes[i]; // Freed as soon as it is done: its graph is the bulk of the memory.
            var sequences = batches[i].Batch.SequenceCount;
            var coefficients_R = heads[i].SpreadOverLabels(coefficients.narrow(0, start, sequences));
            pass.Backward(heads[i].Backward(pass.Hidden_TD, coefficients_R, out _));
            start += sequences;
        }
        using var noGradient = no_grad();
        return Metrics(pairs, losses_N).MoveToOuterDisposeScope();
    }

    /// <summary>Chosen sequences, then rejected ones: in one batch, or in a batch each.</summary>
    private List<LabelledBatch> Batches(IReadOnlyList<TokenizedPair> pairs)
    {
        var chosen = pairs.Select(pair => TokenSequence.OfAnswer(pair.PromptIds, pair.ChosenIds));
        var rejected = pairs.Select(pair => TokenSequence.OfAnswer(pair.PromptIds, pair.RejectedIds));
        return settings.Concatenated
            ? [LabelledBatch.Of([.. chosen, .. rejected])]
            : [LabelledBatch.Of([.. chosen]), LabelledBatch.Of([.. rejected])];
    }

    /// <summary>log pi of every answer, chosen before rejected, [2N] fp32.</summary>
    private static Tensor Sums(MistralForCausalLM model, List<LabelledBatch> batches)
    {
        using var scope = NewDisposeScope();
        var sums = batches.Select(batch =>
        {
            using var inner = NewDisposeScope();
            var head = new LabelLogProbs(model, batch);
            return head.SumBySequence(head.Forward(model.HiddenStates(batch.Batch))).MoveToOuterDisposeScope();
        });
        return cat([.. sums], 0).MoveToOuterDisposeScope();
    }

    private PairLogProbs Pairs(IReadOnlyList<TokenizedPair> examples, Tensor policySums, Tensor referenceSums)
    {
        var count = examples.Count;
        var tokens = tensor(examples.Select(pair => (float)pair.ChosenIds.Length)
            .Concat(examples.Select(pair => (float)pair.RejectedIds.Length)).ToArray(), device: policy.Device);
        return new(policySums.narrow(0, 0, count), policySums.narrow(0, count, count),
            referenceSums.narrow(0, 0, count), referenceSums.narrow(0, count, count),
            tokens.narrow(0, 0, count), tokens.narrow(0, count, count));
    }

    private Tensor Loss(PairLogProbs pairs) => DpoLoss.Compute(settings.Loss, pairs, settings.Beta, settings.LabelSmoothing);

    /// <summary>Rewards are beta (log pi - log pi_ref); a pair is accurate where the chosen one's is strictly higher.</summary>
    private Tensor Metrics(PairLogProbs pairs, Tensor losses_N)
    {
        // IPO's rewards are per token too, as its log-probabilities are in TRL.
        var (chosenScale, rejectedScale) = settings.Loss == DpoLossType.Ipo
            ? (pairs.ChosenTokens, pairs.RejectedTokens) : (ones_like(pairs.ChosenTokens), ones_like(pairs.RejectedTokens));
        using Scalar beta = settings.Beta;
        var chosen = beta * (pairs.PolicyChosen - pairs.ReferenceChosen) / chosenScale;
        var rejected = beta * (pairs.PolicyRejected - pairs.ReferenceRejected) / rejectedScale;
        return stack(
        [
            losses_N.sum(), chosen.sum(), rejected.sum(), (chosen > rejected).to_type(ScalarType.Float32).sum(), (chosen - rejected).sum(),
            (pairs.PolicyChosen / chosenScale).sum(), (pairs.PolicyRejected / rejectedScale).sum(),
        ]).detach();
    }
}
