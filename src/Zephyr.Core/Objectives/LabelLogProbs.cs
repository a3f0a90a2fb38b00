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
internal sealed class LabelLogProbs
{
    private readonly MistralForCausalLM _model;
    private readonly LabelledBatch _batch;
    private readonly LogitsWorkspace _workspace;
    private readonly Tensor _rows, _labels;

    /// <param name="model">Whose head.</param>
    /// <param name="batch">Which rows, which labels, in which groups.</param>
    /// <param name="workspace">Where the logits are made. The caller's.</param>
    public LabelLogProbs(MistralForCausalLM model, LabelledBatch batch, LogitsWorkspace workspace)
    {
        (_model, _batch, _workspace) = (model, batch, workspace);
        (_rows, _labels) = (tensor(batch.Rows, ScalarType.Int64, model.Device), tensor(batch.Labels, ScalarType.Int64, model.Device));
        LabelWeights_R = batch.LabelWeights is null ? null : tensor(batch.LabelWeights, device: model.Device);
        RowsAtOnce = workspace.RowsOf(model.Config.VocabSize);
    }

    /// <summary>What each label counts for in its sequence's sum, [R] fp32; null where all count alike.</summary>
    public Tensor? LabelWeights_R { get; }

    /// <summary>N.</summary>
    public int SequenceCount => _batch.LabelOffsets.Length - 1;

    /// <summary>The most rows of a chunk.</summary>
    public int RowsAtOnce { get; }

    /// <summary>The mean row of a model's head, [D] fp32.</summary>
    public static Tensor MeanHead(MistralForCausalLM model)
    {
        using var noGradient = no_grad();
        return model.Head_VD.mean([0], keepdim: false, type: ScalarType.Float32);
    }

    /// <summary>The mean logit over the vocabulary of each row that predicts a label, [R] fp32: hidden . mean(W), so no logits are made.</summary>
    /// <param name="hidden_TD">Hidden states.</param>
    /// <param name="meanHead_D">As <see cref="MeanHead"/> gives it.</param>
    public Tensor MeanLogits(Tensor hidden_TD, Tensor meanHead_D)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return hidden_TD.index_select(0, _rows).to_type(ScalarType.Float32).matmul(meanHead_D).MoveToOuterDisposeScope();
    }

    /// <summary>The log-probability of each label, [R] fp32, without a graph.</summary>
    public Tensor Forward(Tensor hidden_TD)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return cat([.. Chunks().Select(chunk =>
        {
            using var inner = NewDisposeScope();
            return Chunk.Of(this, hidden_TD, chunk.Start, chunk.Count).LogProbs_C.MoveToOuterDisposeScope();
        })], 0).MoveToOuterDisposeScope();
    }

    /// <summary>Sends known d loss / d log-probability back, chunk by chunk: every row meets the vocabulary once.</summary>
    /// <param name="hidden_TD">The hidden states.</param>
    /// <param name="coefficients_R">d loss / d log-probability of each label, fp32.</param>
    /// <param name="gradient_TD">d loss / d hidden is added to it, d loss / d head to the head's gradient.</param>
    /// <returns>The log-probabilities, [R] fp32.</returns>
    public Tensor Backward(Tensor hidden_TD, Tensor coefficients_R, Tensor gradient_TD)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        return cat([.. Chunks().Select(chunk =>
        {
            using var inner = NewDisposeScope();
            var met = Chunk.Of(this, hidden_TD, chunk.Start, chunk.Count);
            met.Backward(coefficients_R.narrow(0, chunk.Start, chunk.Count), gradient_TD);
            return met.LogProbs_C.MoveToOuterDisposeScope();
        })], 0).MoveToOuterDisposeScope();
    }

    /// <summary>
    /// The same for coefficients that depend on the log-probabilities. Where all rows fit one chunk they meet the vocabulary once; otherwise
    /// the log-probabilities come first, and the chunks are made again for the way back.
    /// </summary>
    /// <param name="hidden_TD">The hidden states.</param>
    /// <param name="coefficientsOf">From the log-probabilities, [R] fp32, to d loss / d log-probability, [R] fp32.</param>
    /// <param name="gradient_TD">d loss / d hidden is added to it, d loss / d head to the head's gradient.</param>
    public void Backward(Tensor hidden_TD, Func<Tensor, Tensor> coefficientsOf, Tensor gradient_TD)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        if (_batch.LabelCount > RowsAtOnce)
        {
            Backward(hidden_TD, coefficientsOf(Forward(hidden_TD)), gradient_TD);
            return;
        }
        var chunk = Chunk.Of(this, hidden_TD, 0, _batch.LabelCount);
        chunk.Backward(coefficientsOf(chunk.LogProbs_C), gradient_TD);
    }

    /// <summary>The sum of each sequence's log-probabilities, each counting for its label's weight, [N] fp32.</summary>
    public Tensor WeightedSumBySequence(Tensor logProbs_R) => SumBySequence(LabelWeights_R is { } weights_R ? logProbs_R * weights_R : logProbs_R);

    /// <summary>The sum of each sequence's log-probabilities, [N] fp32.</summary>
    public Tensor SumBySequence(Tensor logProbs_R)
    {
        using var scope = NewDisposeScope();
        var sums = new Tensor[SequenceCount];
        for (var n = 0; n < sums.Length; n++)
            sums[n] = logProbs_R.narrow(0, _batch.LabelOffsets[n], _batch.LabelOffsets[n + 1] - _batch.LabelOffsets[n]).sum();
        return stack(sums).MoveToOuterDisposeScope();
    }

    /// <summary>Gives each label its sequence's value: [N] to [R].</summary>
    public Tensor SpreadOverLabels(Tensor values_N)
    {
        using var scope = NewDisposeScope();
        var sequenceOf = new int[_batch.LabelCount];
        for (var n = 0; n < SequenceCount; n++)
            sequenceOf.AsSpan(_batch.LabelOffsets[n]..(_batch.LabelOffsets[n + 1])).Fill(n);
        return values_N.index_select(0, tensor(sequenceOf, ScalarType.Int64, _model.Device)).MoveToOuterDisposeScope();
    }

    private IEnumerable<(int Start, int Count)> Chunks()
    {
        for (var start = 0; start < _batch.LabelCount; start += RowsAtOnce)
            yield return (start, Math.Min(RowsAtOnce, _batch.LabelCount - start));
    }

    /// <summary>Rows that have met the vocabulary. Only the log-softmax is held, and the way back is made of it in place.</summary>
    private readonly record struct Chunk(LabelLogProbs Head, Tensor Rows_C, Tensor Labels_C1, Tensor Hidden_CD, Tensor LogSoftmax_CV, Tensor LogProbs_C)
    {
        public static Chunk Of(LabelLogProbs head, Tensor hidden_TD, int start, int count)
        {
            var (rows_C, labels_C1) = (head._rows.narrow(0, start, count), head._labels.narrow(0, start, count).unsqueeze(1));
            var hidden_CD = hidden_TD.index_select(0, rows_C);
            var logits_CV = head._workspace.Logits(head._model, hidden_CD);
            TorchOps.LogSoftmax(logits_CV);
            return new(head, rows_C, labels_C1, hidden_CD, logits_CV, logits_CV.gather(1, labels_C1).squeeze(1));
        }

        /// <summary>
        /// With p = softmax(logits), d log p(label) / d logits = onehot(label) - p. The coefficients scale rows of width D, not of width V:
        /// they are multiplied to what p - onehot meets and to what comes of it.
        /// </summary>
        public void Backward(Tensor coefficients_C, Tensor gradient_TD)
        {
            var minus_C1 = -coefficients_C.unsqueeze(1);
            var slope_CV = LogSoftmax_CV.exp_();
            slope_CV.scatter_add_(1, Labels_C1, full_like(minus_C1, KeptScalar.MinusOne));
            var slope = slope_CV.to_type(Hidden_CD.dtype);
            var scale = minus_C1.to_type(Hidden_CD.dtype);
            gradient_TD.index_add_(0, Rows_C, slope.matmul(Head._model.Head_VD).mul_(scale), KeptScalar.One);
            if (Head._model.Head.Learns) Head._model.Head.AddProduct(slope, Hidden_CD * scale);
        }
    }
}
