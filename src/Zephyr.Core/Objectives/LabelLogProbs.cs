using Zephyr.Data.Batches;
using Zephyr.Model;
using Zephyr.Runtime;
using static TorchSharp.torch;

namespace Zephyr.Objectives;

/// <summary>
/// log p(label | the tokens before it) for the labelled rows of a batch, and the way back. Rows are gathered first and meet
/// the vocabulary in chunks, fp32 inside: nothing of size tokens x vocabulary is ever held (decision 2).
/// Shapes: R labelled rows, D hidden, V vocabulary, C rows of a chunk, N sequences.
/// </summary>
internal sealed class LabelLogProbs(MistralForCausalLM model, LabelledBatch batch)
{
    /// <summary>512 rows beat 1024 in the probe that design decision 13 rests on, and hold 64 MB of logits at V = 32,000.</summary>
    private const int ChunkRows = 512;

    private readonly Tensor _rows = tensor(batch.Rows, ScalarType.Int64, model.Device);
    private readonly Tensor _labels = tensor(batch.Labels, ScalarType.Int64, model.Device);

    /// <summary>What each label counts for in its sequence's sum, [R] fp32; null where all count alike.</summary>
    public Tensor? LabelWeights_R { get; } = batch.LabelWeights is null ? null : tensor(batch.LabelWeights, device: model.Device);

    /// <summary>N.</summary>
    public int SequenceCount => batch.LabelOffsets.Length - 1;

    /// <summary>The mean logit over the vocabulary of each row that predicts a label, [R] fp32: hidden . mean(W), so no logits are made.</summary>
    public Tensor MeanLogits(Tensor hidden_TD)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var mean_D = model.Head_VD.mean([0], keepdim: false, type: ScalarType.Float32).to_type(hidden_TD.dtype);
        return hidden_TD.matmul(mean_D).index_select(0, _rows).to_type(ScalarType.Float32).MoveToOuterDisposeScope();
    }

    /// <summary>The log-probability of each label, [R] fp32, without a graph.</summary>
    public Tensor Forward(Tensor hidden_TD)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        List<Tensor> chunks = [];
        foreach (var (start, count) in Chunks())
        {
            using var inner = NewDisposeScope();
            var logits_CV = model.Logits(hidden_TD.index_select(0, _rows.narrow(0, start, count)));
            chunks.Add(Select(logits_CV, start, count, out _).MoveToOuterDisposeScope());
        }
        return cat(chunks, 0).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// Sends d loss / d log-probability back: adds the head's share to its gradient and returns d loss / d hidden.
    /// With p = softmax(logits), d log p(label) / d logits = onehot(label) - p.
    /// </summary>
    /// <param name="hidden_TD">The hidden states that <see cref="Forward"/> saw.</param>
    /// <param name="coefficients_R">d loss / d log-probability of each label, fp32.</param>
    /// <param name="logProbs_R">The log-probabilities, which come along for free.</param>
    /// <returns>[T, D] in the data type of the hidden states.</returns>
    public Tensor Backward(Tensor hidden_TD, Tensor coefficients_R, out Tensor logProbs_R)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var head_VD = model.Head_VD;
        var gradient_TD = zeros_like(hidden_TD);
        // fp32 over the chunks also where the head is bf16: a sum of many rounded parts would lose the small ones.
        var headGradient_VD = head_VD.requires_grad ? zeros(head_VD.shape, ScalarType.Float32, head_VD.device) : null;
        List<Tensor> chunks = [];
        foreach (var (start, count) in Chunks())
        {
            using var inner = NewDisposeScope();
            var rows_C = _rows.narrow(0, start, count);
            var hidden_CD = hidden_TD.index_select(0, rows_C);
            var logits_CV = model.Logits(hidden_CD);
            chunks.Add(Select(logits_CV, start, count, out var normalizer_C1).MoveToOuterDisposeScope());
            // In place from here: the logits become p, then -p, then coefficient * (onehot - p).
            var coefficients_C1 = coefficients_R.narrow(0, start, count).unsqueeze(1);
            var slope_CV = logits_CV.sub_(normalizer_C1).exp_().neg_().mul_(coefficients_C1);
            slope_CV.scatter_add_(1, _labels.narrow(0, start, count).unsqueeze(1), coefficients_C1);
            var slope = slope_CV.to_type(hidden_TD.dtype);
            gradient_TD.index_add_(0, rows_C, slope.matmul(head_VD), KeptScalar.One);
            headGradient_VD?.add_(slope.t().matmul(hidden_CD), KeptScalar.One);
        }
        if (headGradient_VD is not null) AddGradient(head_VD, headGradient_VD.to_type(head_VD.dtype));
        logProbs_R = cat(chunks, 0).MoveToOuterDisposeScope();
        return gradient_TD.MoveToOuterDisposeScope();
    }

    /// <summary>The sum of each sequence's log-probabilities, each counting for its label's weight, [N] fp32.</summary>
    public Tensor WeightedSumBySequence(Tensor logProbs_R) => SumBySequence(LabelWeights_R is { } weights_R ? logProbs_R * weights_R : logProbs_R);

    /// <summary>The sum of each sequence's log-probabilities, [N] fp32.</summary>
    public Tensor SumBySequence(Tensor logProbs_R)
    {
        using var scope = NewDisposeScope();
        var sums = new Tensor[SequenceCount];
        for (var n = 0; n < sums.Length; n++)
            sums[n] = logProbs_R.narrow(0, batch.LabelOffsets[n], batch.LabelOffsets[n + 1] - batch.LabelOffsets[n]).sum();
        return stack(sums).MoveToOuterDisposeScope();
    }

    /// <summary>Gives each label its sequence's value: [N] to [R].</summary>
    public Tensor SpreadOverLabels(Tensor values_N)
    {
        using var scope = NewDisposeScope();
        var sequenceOf = new int[batch.LabelCount];
        for (var n = 0; n < SequenceCount; n++)
            sequenceOf.AsSpan(batch.LabelOffsets[n]..batch.LabelOffsets[n + 1]).Fill(n);
        return values_N.index_select(0, tensor(sequenceOf, ScalarType.Int64, model.Device)).MoveToOuterDisposeScope();
    }

    private Tensor Select(Tensor logits_CV, int start, int count, out Tensor normalizer_C1)
    {
        normalizer_C1 = logits_CV.logsumexp(1, true);
        return (logits_CV.gather(1, _labels.narrow(0, start, count).unsqueeze(1)) - normalizer_C1).squeeze(1);
    }

    private IEnumerable<(int Start, int Count)> Chunks()
    {
        for (var start = 0; start < batch.LabelCount; start += ChunkRows)
            yield return (start, Math.Min(ChunkRows, batch.LabelCount - start));
    }

    private static void AddGradient(Tensor parameter, Tensor gradient)
    {
        using var before = parameter.grad;
        if (before is null) parameter.grad = gradient;
        else before.add_(gradient, KeptScalar.One);
    }
}
