using Zephyr.Configuration;
using Zephyr.Model.Adapters;
using Zephyr.Objectives;

namespace Zephyr.Evaluation.Memory;

/// <summary>A change of the configuration that takes less memory.</summary>
/// <param name="Keys">What to write: "reference: cached".</param>
/// <param name="Effect">What it costs or changes, in a few words.</param>
/// <param name="Total">What the run would come to on the device.</param>
/// <param name="Fits">Whether that fits.</param>
public sealed record Remedy(string Keys, string Effect, long Total, bool Fits);

/// <summary>What would make a run smaller, each with the figure it would come to.</summary>
/// <param name="setup">The run.</param>
/// <param name="batches">Its batches.</param>
/// <param name="room">What it has to fit.</param>
internal sealed class Remedies(MemorySetup setup, MemoryBatches batches, DeviceRoom room)
{
    /// <summary>A run that was changed.</summary>
    private sealed record Variant(MemorySetup Setup, bool RowByRow, bool HeldRowByRow);

    /// <summary>Keys, what they cost, and the change; null where it is made already or has no meaning here.</summary>
    private sealed record Change(string Keys, string Effect, Func<Variant, Variant> Apply);

    private Variant Start => new(setup, false, false);

    /// <summary>Each by itself, those that change no number first; only what comes to less.</summary>
    public IReadOnlyList<Remedy> Each()
    {
        var now = TotalOf(Start);
        return [.. Changes().Select(change => RemedyOf([change])).Where(remedy => remedy.Total < now)];
    }

    /// <summary>As few of them as fit together, taken in that order; null where one by itself fits, or all of them do not.</summary>
    public Remedy? Together()
    {
        List<Change> taken = [];
        foreach (var change in Changes())
        {
            if (taken.Count > 0 && RemedyOf(taken).Fits) break;
            taken.Add(change);
        }
        if (taken.Count == 0 || !RemedyOf(taken).Fits) return null;
        foreach (var change in taken.ToList())
            if (taken.Count > 1 && RemedyOf([.. taken.Where(other => other != change)]).Fits) taken.Remove(change);
        return taken.Count == 1 ? null : RemedyOf(taken);
    }

    /// <summary>What all of them together come to.</summary>
    public long Least => TotalOf(Changes().Aggregate(Start, (variant, change) => change.Apply(variant)));

    private IEnumerable<Change> Changes()
    {
        if (setup.Reference is not null) yield return new("reference: cached", "its log-probabilities are computed before the first step", one => one with { Setup = one.Setup with { Reference = null, ReferenceInSteps = false } });
        if (setup.RecomputeEvery != 1)
        {
            yield return new(setup.RecomputeEvery == 0 ? "gradient_checkpointing: true" : "gradient_checkpointing_every: 1", "each layer runs once more on the way back",
                one => one with { Setup = one.Setup with { RecomputeEvery = 1 } });
        }
        var (largest, longest) = (batches.Largest(setup.Layout), batches.Longest(setup.Layout));
        // No row may be longer than the bound, held-out rows neither.
        var bound = Math.Max(longest.Tokens, batches.LongestHeld(setup.Layout)?.Tokens ?? 0);
        if (largest.Tokens > bound)
            yield return new($"max_tokens_per_batch: {bound}", "smaller micro-batches, the same steps", one => one with { RowByRow = true });
        if (setup.IsDpo && setup.Layout != PairLayoutKind.SharedPrefix)
            yield return new("pair_layout: shared_prefix", "a prompt stands once for both answers", one => one with { Setup = one.Setup with { Layout = PairLayoutKind.SharedPrefix } });
        if (batches.Evaluation(setup.Layout) is { } evaluation && batches.LongestHeld(setup.Layout) is { } one && evaluation.Tokens > one.Tokens)
            yield return new("per_device_eval_batch_size: 1", "smaller batches of an evaluation", variant => variant with { HeldRowByRow = true });
        if (setup.OnCuda && !setup.StateOnHost)
            yield return new("optim_state_device: host", "moments and master weights in host memory; slower updates", one => one with { Setup = one.Setup with { UpdatesOnHost = true } });
        if (setup.AverageWidth == 4)
            yield return new("optim_state_dtype: bfloat16", "moments rounded at random; other last digits", one => one with { Setup = one.Setup with { AverageWidth = 2 } });
        if (setup.Adapter is null)
        {
            yield return new(setup.Reference is null ? "use_peft: true" : "use_peft: true, reference: adapter", "a LoRA adapter learns in place of all weights; another training", one => one with
            {
                Setup = one.Setup with { Adapter = LoraConfig.Of(new(), ""), Dropout = one.Setup.IsDpo ? 0 : new LoraOptions().LoraDropout, Reference = null },
            });
        }
        else if (setup.Quantization is null)
            yield return new("load_in_4bit: true, use_bnb_nested_quant: true", "linear maps in NF4 (QLoRA); another training", one => one with { Setup = one.Setup with { Quantization = new(Nested: true) } });
        if (!setup.Bf16) yield return new("bf16: true", "bf16 weights and activations beside an fp32 master copy; other numbers", variant => variant with { Setup = variant.Setup with { Bf16 = true } });
    }

    private Remedy RemedyOf(IReadOnlyList<Change> changes)
    {
        var plan = PlanOf(changes.Aggregate(Start, (variant, change) => change.Apply(variant)));
        return new(string.Join(", ", changes.Select(change => change.Keys)), string.Join("; ", changes.Select(change => change.Effect)), plan.Total, room.Holds(plan));
    }

    private long TotalOf(Variant variant) => PlanOf(variant).Total;

    private MemoryPlan PlanOf(Variant variant)
    {
        var layout = variant.Setup.Layout;
        return MemoryPlan.Of(variant.Setup, variant.RowByRow ? batches.Longest(layout) : batches.Largest(layout),
            variant.HeldRowByRow ? batches.LongestHeld(layout) : batches.Evaluation(layout));
    }
}
