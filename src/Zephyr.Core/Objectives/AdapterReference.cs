using Zephyr.Data.Text;
using Zephyr.Model;
using Zephyr.Model.Adapters;
using static TorchSharp.torch;

namespace Zephyr.Objectives;

/// <summary>
/// The policy's own model without what it learns (decision 10): its adapter is off for the reference's passes, or, where it had been trained before, as it was then.
/// </summary>
/// <param name="model">The policy. Not owned.</param>
/// <param name="adapter">A frozen copy of what the policy's adapter began as; null where that was nothing. Owned.</param>
/// <param name="settings">The objective's: the passes are laid out as the policy's are.</param>
/// <param name="workspace">Where logits are made. Not owned.</param>
public sealed class AdapterReference(MistralForCausalLM model, LoraAdapter? adapter, DpoSettings settings, LogitsWorkspace workspace) : IReferenceLogProbs, IDisposable
{
    private readonly FrozenReference _frozen = new(model, settings, workspace);

    /// <inheritdoc/>
    public Tensor SumsOf(IReadOnlyList<TokenizedPair> pairs)
    {
        using var switched = model.With(adapter);
        return _frozen.SumsOf(pairs);
    }

    /// <inheritdoc/>
    public void Dispose() => adapter?.Dispose();
}
