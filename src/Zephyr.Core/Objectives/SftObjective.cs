using TorchSharp;
using Zephyr.Data.Batches;
using Zephyr.Model;
using static TorchSharp.torch;

namespace Zephyr.Objectives;

/// <summary>
/// Supervised fine-tuning (the paper's equation 1): -sum log p(token | tokens before it) over the supervised tokens,
/// weighted by their number, so that a step's loss is the mean over its tokens.
/// </summary>
/// <param name="model">What learns.</param>
/// <param name="workspace">Where logits are made. Not owned.</param>
/// <param name="recomputeEvery">As in <see cref="MistralForCausalLM.Forward"/>.</param>
public sealed class SftObjective(MistralForCausalLM model, LogitsWorkspace workspace, int recomputeEvery = 0) : IObjective<TokenSequence>
{
    /// <inheritdoc/>
    public IReadOnlyList<string> MetricNames { get; } = ["loss"];

    /// <inheritdoc/>
    public IReadOnlyList<double> WeightsOf(TokenSequence example) => [example.LabelCount];

    /// <inheritdoc/>
    public int TokensOf(TokenSequence example) => example.Ids.Length;

    /// <inheritdoc/>
    public int TokensAtOnce(TokenSequence example) => TokensOf(example);

    /// <inheritdoc/>
    public Tensor Evaluate(IReadOnlyList<TokenSequence> examples, IReadOnlyList<double> totals)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var batch = LabelledBatch.Of(examples);
        var logProbs_R = new LabelLogProbs(model, batch, workspace).Forward(model.HiddenStates(batch.Batch));
        return LossSum(logProbs_R).MoveToOuterDisposeScope();
    }

    /// <inheritdoc/>
    public Tensor AccumulateGradients(IReadOnlyList<TokenSequence> examples, IReadOnlyList<double> totals)
    {
        using var scope = NewDisposeScope();
        var batch = LabelledBatch.Of(examples);
        using var pass = model.Forward(batch.Batch, recomputeEvery);
        var head = new LabelLogProbs(model, batch, workspace);
        // The loss is -sum log p, so every label's coefficient is known beforehand and one visit to the head suffices.
        using Scalar minusOne = -1f;
        var coefficients_R = full(batch.LabelCount, minusOne, ScalarType.Float32, model.Device);
        var gradient_TD = zeros_like(pass.Hidden_TD);
        var logProbs_R = head.Backward(pass.Hidden_TD, coefficients_R, gradient_TD);
        pass.Backward(gradient_TD);
        return LossSum(logProbs_R).MoveToOuterDisposeScope();
    }

    private static Tensor LossSum(Tensor logProbs_R) => -logProbs_R.sum().unsqueeze(0);
}
