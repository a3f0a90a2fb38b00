using TorchSharp;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Objectives;

/// <summary>
/// Distilled direct preference optimisation (the paper's equation 2): four forward passes a step, policy and
/// reference on the chosen and the rejected answers. Two phases (decision 13): log-probabilities first, then the
/// coefficient of each sequence goes back through the head and the layers.
/// </summary>
/// <param name="policy">What learns.</param>
/// <param name="reference">What it is held to.</param>
/// <param name="settings">Losses and layout.</param>
public sealed class DpoObjective(MistralForCausalLM policy, IReferenceLogProbs reference, DpoSettings settings) : IObjective<TokenizedPair>
{
    /// <summary>TRL's names; <c>nll_loss</c> where the chosen answers' likelihood is part of the loss.</summary>
    public IReadOnlyList<string> MetricNames { get; } =
    [
        "loss", "rewards/chosen", "rewards/rejected", "rewards/accuracies", "rewards/margins", "logps/chosen", "logps/rejected",
        "logits/chosen", "logits/rejected", .. settings.LikelihoodWeight > 0 ? ["nll_loss"] : Array.Empty<string>(),
    ];

    /// <summary>A pair counts once; the logits are means over tokens, as TRL's are.</summary>
    public IReadOnlyList<double> WeightsOf(TokenizedPair example)
    {
        double chosen = example.ChosenIds.Length, rejected = example.RejectedIds.Length;
        return [1, 1, 1, 1, 1, 1, 1, chosen, rejected, .. settings.LikelihoodWeight > 0 ? [chosen] : Array.Empty<double>()];
    }

    /// <inheritdoc/>
    public int TokensOf(TokenizedPair example) =>
        2 * example.PromptIds.Length + example.ChosenIds.Length + example.RejectedIds.Length;

    /// <inheritdoc/>
    public int TokensAtOnce(TokenizedPair example) => TokensAtOnce(example, settings.Layout);

    /// <summary>The same without an objective. Two passes count like one: the graphs of both are kept until the losses are known.</summary>
    public static int TokensAtOnce(TokenizedPair pair, PairLayoutKind layout)
    {
        ArgumentNullException.ThrowIfNull(pair);
        return (layout == PairLayoutKind.SharedPrefix ? 1 : 2) * pair.PromptIds.Length + pair.ChosenIds.Length + pair.RejectedIds.Length;
    }

    /// <inheritdoc/>
    public Tensor Evaluate(IReadOnlyList<TokenizedPair> examples, IReadOnlyList<double> totals)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var scores = AnswerScores.Of(policy, PairLayout.Of(examples, settings));
        var pairs = Pairs(examples, scores.LogProbs, reference.SumsOf(examples));
        return Metrics(pairs, scores, Loss(pairs, scores.PlainLogProbs, totals)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor AccumulateGradients(IReadOnlyList<TokenizedPair> examples, IReadOnlyList<double> totals)
    {
        using var scope = NewDisposeScope();
        var referenceSums = reference.SumsOf(examples);
        List<ForwardPass> passes = [];
        try
        {
            var batches = PairLayout.Of(examples, settings);
            foreach (var batch in batches) passes.Add(policy.Forward(batch.Batch, settings.Recompute));
            var heads = batches.Select(batch => new LabelLogProbs(policy, batch)).ToList();
            var scores = AnswerScores.Join([.. heads.Zip(passes, (head, pass) => AnswerScores.Of(head, pass.Hidden_TD))]);

            // Leaves of their own: without tails the two are one tensor.
            var (weighted, plain) = (scores.LogProbs.detach().requires_grad_(true), scores.PlainLogProbs.detach().requires_grad_(true));
            var pairs = Pairs(examples, weighted, referenceSums);
            var losses_N = Loss(pairs, plain, totals);
            losses_N.sum().backward();
            Backward(passes, heads, weighted, plain);
            using var noGradient = no_grad();
            return Metrics(pairs, scores, losses_N).MoveToOuterDisposeScope();
        }
        finally
        {
            foreach (var pass in passes) pass.Dispose();
        }
    }

    /// <summary>The second phase: each label's coefficient goes back through the head and the layers.</summary>
    private static void Backward(List<ForwardPass> passes, List<LabelLogProbs> heads, Tensor weighted, Tensor plain)
    {
        using Tensor? ofWeighted = weighted.grad, ofPlain = plain.grad;
        long start = 0;
        foreach (var (pass, head) in passes.Zip(heads))
        {
            using var scope = NewDisposeScope();
            using var freed = pass; // Freed as soon as it is done: its graph is the bulk of the memory.
            var coefficients_R = head.SpreadOverLabels((ofWeighted ?? zeros_like(weighted)).narrow(0, start, head.SequenceCount));
            if (head.LabelWeights_R is { } weights_R) coefficients_R = coefficients_R * weights_R;
            if (ofPlain is not null) coefficients_R = coefficients_R.add(head.SpreadOverLabels(ofPlain.narrow(0, start, head.SequenceCount)), KeptScalar.One);
            pass.Backward(head.Backward(pass.Hidden_TD, coefficients_R, out _));
            start += head.SequenceCount;
        }
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

    /// <summary>The preference losses and, where asked for, the mean negative log-likelihood over the chosen tokens of the whole step.</summary>
    private Tensor Loss(PairLogProbs pairs, Tensor plainLogProbs, IReadOnlyList<double> totals)
    {
        var losses_N = DpoLoss.Compute(pairs, settings.Loss);
        if (settings.LikelihoodWeight == 0) return losses_N;
        // The trainer divides by the pairs; this term's mean is over tokens.
        using Scalar weight = settings.LikelihoodWeight * totals[0] / totals[^1];
        return losses_N - plainLogProbs.narrow(0, 0, losses_N.shape[0]) * weight;
    }

    /// <summary>Rewards are beta (log pi - log pi_ref); a pair is accurate where the chosen one's is strictly higher.</summary>
    private Tensor Metrics(PairLogProbs pairs, AnswerScores scores, Tensor losses_N)
    {
        using Scalar beta = settings.Loss.Beta;
        var chosen = beta * (pairs.PolicyChosen - pairs.ReferenceChosen);
        var rejected = beta * (pairs.PolicyRejected - pairs.ReferenceRejected);
        var count = losses_N.shape[0];
        Tensor[] likelihood = settings.LikelihoodWeight > 0 ? [-scores.PlainLogProbs.narrow(0, 0, count).sum()] : [];
        return stack(
        [
            losses_N.sum(), chosen.sum(), rejected.sum(), (chosen > rejected).to_type(ScalarType.Float32).sum(), (chosen - rejected).sum(),
            pairs.PolicyChosen.sum(), pairs.PolicyRejected.sum(), scores.Logits.narrow(0, 0, count).sum(), scores.Logits.narrow(0, count, count).sum(),
            .. likelihood,
        ]).detach();
    }
}
