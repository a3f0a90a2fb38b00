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
        return most;
    }

    /// <summary>A batch of an evaluation, or of the reference's log-probabilities: nothing is kept of a pass but its hidden states.</summary>
    public long Evaluation(MicroBatchShape batch) => batch.Passes.Max(pass => _policy.Unrecorded(pass));

    /// <summary>The logits' buffer for all of them.</summary>
    public long Workspace(IEnumerable<MicroBatchShape> batches) => batches.Max(batch => _head.Workspace(Math.Max(batch.LabelsAtOnce, batch.Passes.Max(pass => pass.Labels))));

    private long Stream(long tokens) => setup.Width * tokens * setup.Model.HiddenSize;
}
