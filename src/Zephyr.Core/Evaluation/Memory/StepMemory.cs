using Zephyr.Model.Quantization;

namespace Zephyr.Evaluation.Memory;

/// <summary>What a micro-batch takes beside weights, gradients and optimizer state, in bytes, by the order of <c>SftObjective</c> and <c>DpoObjective</c>.</summary>
/// <param name="setup">The run.</param>
internal sealed class StepMemory(MemorySetup setup)
{
    private readonly PassMemory _policy = PassMemory.Of(setup);
    private readonly HeadMemory _head = new(setup.Model, setup.Width, setup.Adapter is null);

    /// <summary>
    /// The most at once: of all passes there (each beside what those before it kept), of the head (all kept, hidden states once more where there are two passes, and d loss / d hidden), and of the
    /// passes back (each freed when it is done).
    /// </summary>
    public long Training(MicroBatchShape batch)
    {
        var (kept, most) = (0L, 0L);
        foreach (var pass in batch.Passes)
        {
            most = Math.Max(most, kept + _policy.Forward(pass));
            kept += _policy.Kept(pass);
        }
        var hidden = Stream(batch.Tokens) * (batch.Passes.Count > 1 ? 2 : 1);
        most = Math.Max(most, kept + hidden + _head.Chunk(batch.LabelsAtOnce, setup.IsDpo));
        foreach (var pass in batch.Passes)
        {
            kept -= _policy.Kept(pass);
            most = Math.Max(most, kept + hidden + _policy.Backward(pass));
        }
        if (setup.Reference is { } reference) most = Math.Max(most, batch.Passes.Max(new PassMemory(reference, setup.Width, 0, default).Unrecorded));
        return most + Whole;
    }

    /// <summary>A batch of an evaluation, or of the reference's log-probabilities: nothing is kept of a pass but its hidden states.</summary>
    public long Evaluation(MicroBatchShape batch) => batch.Passes.Max(pass => _policy.Unrecorded(pass)) + Whole;

    /// <summary>The logits' buffer for all of them, and what of it is written to.</summary>
    public (long Whole, long Written) Workspace(IEnumerable<MicroBatchShape> batches)
    {
        // It is made for the first rows that come, those of the first pass, with room for more.
        return (batches.Max(batch => _head.Workspace(batch.Passes[0].Labels)), batches.Max(batch => _head.Written(Math.Max(batch.LabelsAtOnce, batch.Passes.Max(pass => pass.Labels)))));
    }

    /// <summary>The largest matrix that is held in 4 bits, made whole for a use: w D F, a piece of it in fp32, and a factor in fp32 for every block.</summary>
    private long Whole
    {
        get
        {
            if (setup.Quantization is null) return 0;
            var count = setup.Model.Weights.Where(weight => Nf4Settings.Holds(weight.Name)).Max(weight => weight.Shape[0] * weight.Shape[1]);
            return setup.Width * count + 4 * Math.Min(count, Nf4Matrix.PieceOn(cpu: !setup.OnCuda)) + 4 * (count / Nf4Matrix.Block);
        }
    }

    private long Stream(long tokens) => setup.Width * tokens * setup.Model.HiddenSize;
}
