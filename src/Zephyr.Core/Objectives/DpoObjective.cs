using TorchSharp;
using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Objectives;

/// <summary>
/// Distilled direct preference optimisation (the paper's equation 2): four forward passes a step, policy and
/// reference on the chosen and the rejected answers. A pair's log-probabilities give each of its labels a coefficient, which goes back
/// through the head and the layers (decision 13).
/// </summary>
/// <param name="policy">What learns.</param>
/// <param name="reference">What it is held to.</param>
/// <param name="settings">Losses and layout.</param>
/// <param name="workspace">Where logits are made. Not owned.</param>
public sealed class DpoObjective(MistralForCausalLM policy, IReferenceLogProbs reference, DpoSettings settings, LogitsWorkspace workspace) : IObjective<TokenizedPair>
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
        var scores = AnswerScores.Of(policy, PairLayout.Of(examples, settings), workspace);
        var pairs = Pairs(examples, scores.LogProbs, reference.SumsOf(examples));
        return Metrics(pairs, scores, Loss(pairs, scores.PlainLogProbs, totals)).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor AccumulateGradients(IReadOnlyList<TokenizedPair> examples, IReadOnlyList<double> totals)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var referenceSums = reference.SumsOf(examples);
        List<ForwardPass> passes = [];
        try
        {
            var batches = PairLayout.Of(examples, settings);
            foreach (var batch in batches) passes.Add(policy.Forward(batch.Batch, settings.RecomputeEvery));
            var hidden_TD = passes.Count == 1 ? passes[0].Hidden_TD : cat([.. passes.Select(pass => pass.Hidden_TD)], 0);
            var gradient_TD = zeros_like(hidden_TD);
            var sums = Head(examples, LabelledBatch.Join(batches), hidden_TD, referenceSums, totals, gradient_TD);
            long start = 0;
            foreach (var pass in passes)
            {
                using var freed = pass; // Freed as soon as it is done: what it keeps is the bulk of the memory.
                pass.Backward(gradient_TD.narrow(0, start, pass.Hidden_TD.shape[0]));
                start += pass.Hidden_TD.shape[0];
            }
            return sums.MoveToOuterDisposeScope();
        }
        finally
        {
            foreach (var pass in passes) pass.Dispose();
        }
    }

    /// <summary>
    /// From hidden states to loss and d loss / d hidden, some pairs at a time: a pair's loss asks for its own answers only, so that most pairs meet the
    /// vocabulary once, log-probabilities and way back in one visit.
    /// </summary>
    private Tensor Head(IReadOnlyList<TokenizedPair> examples, LabelledBatch batch, Tensor hidden_TD, Tensor referenceSums, IReadOnlyList<double> totals, Tensor gradient_TD)
    {
        var meanHead_D = LabelLogProbs.MeanHead(policy);
        var sums = zeros(MetricNames.Count, ScalarType.Float32, policy.Device);
        foreach (var range in PairsAtOnce(examples, settings.Loss.IsOverSortedPairs ? int.MaxValue : workspace.RowsOf(policy.Config.VocabSize)))
        {
            using var scope = NewDisposeScope();
            int[] both = [.. range, .. range.Select(n => n + examples.Count)];
            var head = new LabelLogProbs(policy, batch.OfGroups(both), workspace);
            var ofReference = referenceSums.index_select(0, tensor(both, ScalarType.Int64, policy.Device));
            List<TokenizedPair> pairs = [.. range.Select(n => examples[n])];
            head.Backward(hidden_TD, logProbs_R =>
            {
                var scores = AnswerScores.Of(head, logProbs_R, head.MeanLogits(hidden_TD, meanHead_D));
                var (losses_N, logProbs, coefficients_R) = Coefficients(pairs, head, scores, ofReference, totals);
                sums.add_(Metrics(logProbs, scores, losses_N), KeptScalar.One);
                return coefficients_R;
            }, gradient_TD);
        }
        return sums;
    }

    /// <summary>As many pairs as a chunk of logits holds, one at least; all of them where the loss is over sorted pairs.</summary>
    /// <param name="examples">The pairs.</param>
    /// <param name="room">Rows of a chunk; no limit where pairs have to stay together.</param>
    internal static IEnumerable<IReadOnlyList<int>> PairsAtOnce(IReadOnlyList<TokenizedPair> examples, int room)
    {
        List<int> range = [];
        var rows = 0L;
        for (var n = 0; n < examples.Count; n++)
        {
            var labels = examples[n].ChosenIds.Length + examples[n].RejectedIds.Length;
            if (range.Count > 0 && rows + labels > room)
            {
                yield return range;
                (range, rows) = ([], 0);
            }
            range.Add(n);
            rows += labels;
        }
        yield return range;
    }

    /// <summary>The losses, and d loss / d log-probability of each label: the one place where autograd is asked, on a number for each answer.</summary>
    private (Tensor Losses_N, PairLogProbs LogProbs, Tensor Coefficients_R) Coefficients(
        IReadOnlyList<TokenizedPair> pairs, LabelLogProbs head, AnswerScores scores, Tensor referenceSums, IReadOnlyList<double> totals)
    {
        using var recording = enable_grad();
        // Leaves of their own: without tails the two are one tensor.
        var (weighted, plain) = (scores.LogProbs.detach().requires_grad_(true), scores.PlainLogProbs.detach().requires_grad_(true));
        var logProbs = Pairs(pairs, weighted, referenceSums);
        var losses_N = Loss(logProbs, plain, totals);
        losses_N.sum().backward();
        using var done = no_grad();
        var coefficients_R = head.SpreadOverLabels(weighted.grad ?? zeros_like(weighted));
        if (head.LabelWeights_R is { } weights_R) coefficients_R = coefficients_R * weights_R;
        if (plain.grad is { } ofPlain) coefficients_R = coefficients_R.add(head.SpreadOverLabels(ofPlain), KeptScalar.One);
        return (losses_N, logProbs, coefficients_R);
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
