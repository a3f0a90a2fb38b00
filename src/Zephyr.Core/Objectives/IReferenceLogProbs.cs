using Zephyr.Data.Text;
using Zephyr.Model;
using static TorchSharp.torch;

namespace Zephyr.Objectives;

/// <summary>Where the reference's log-probabilities come from (decision 10). Every source gives the same loss.</summary>
public interface IReferenceLogProbs
{
    /// <summary>log pi_ref(y | x) of every answer.</summary>
    /// <returns>[2N] fp32 on the policy's device, chosen before rejected.</returns>
    Tensor SumsOf(IReadOnlyList<TokenizedPair> pairs);
}

/// <summary>A second model in memory: two of the paper's four forward passes a step.</summary>
/// <param name="model">The reference. Not owned.</param>
/// <param name="settings">The objective's: the passes are laid out as the policy's are.</param>
/// <param name="workspace">Where logits are made. Not owned.</param>
public sealed class FrozenReference(MistralForCausalLM model, DpoSettings settings, LogitsWorkspace workspace) : IReferenceLogProbs
{
    /// <inheritdoc/>
    public Tensor SumsOf(IReadOnlyList<TokenizedPair> pairs)
    {
        using var noGradient = no_grad();
        using var scope = NewDisposeScope();
        var sums = PairLayout.Of(pairs, settings).Select(batch =>
        {
            using var inner = NewDisposeScope();
            var head = new LabelLogProbs(model, batch, workspace);
            return head.WeightedSumBySequence(head.Forward(model.HiddenStates(batch.Batch))).MoveToOuterDisposeScope();
        });
        return cat([.. sums], 0).MoveToOuterDisposeScope();
    }
}
