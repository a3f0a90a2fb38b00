using Zephyr.Runtime;

namespace Zephyr.Evaluation.Memory;

/// <summary>One line of a plan.</summary>
/// <param name="Name">weights, gradients, ...</param>
/// <param name="Bytes">How much, on the device.</param>
/// <param name="How">Of what it is made.</param>
public sealed record MemoryTerm(string Name, long Bytes, string How);

/// <summary>
/// What a run takes on its device at its highest, in bytes, by count: P numbers in the policy, w bytes each (4, or 2 in bf16), of which L learn: all of them, or those of an adapter beside them, which is fp32.
/// </summary>
/// <param name="Weights">w P, less where linear maps are held in 4 bits, and 4 L of an adapter.</param>
/// <param name="Gradients">4 L: they are summed in fp32 over the micro-batches, and the sum's memory stays from step to step.</param>
/// <param name="Master">4 L beside bf16 weights that learn, else none.</param>
/// <param name="Moments">4 L for each running average (AdamW two, RMSprop one).</param>
/// <param name="Reference">w P of a second model, where one is in memory while training, or 4 L of the adapter that the run started from.</param>
/// <param name="Activations">What the largest micro-batch keeps and needs on top, or an evaluation where that is more: see <see cref="StepMemory"/>.</param>
/// <param name="Logits">The buffer in which rows meet the vocabulary.</param>
/// <param name="Runtime">The process before its first tensor, and what libtorch keeps for itself once it computes; on CUDA the context and its libraries.</param>
public sealed record MemoryPlan(long Weights, long Gradients, long Master, long Moments, long Reference, long Activations, long Logits, long Runtime)
{
    /// <summary>The process on the CPU before its first tensor, measured: program, .NET, libtorch's code and tables.</summary>
    public const long RuntimeLoaded = 155L << 20;

    /// <summary>What comes on top once it computes, measured: libtorch's code as it is used, compiled scripts and .NET code, the packing buffers of matrix products. 42 to 49 MiB at 0.1 M parameters, 65 to 90 at 58 M.</summary>
    public const long RuntimeComputing = 65L << 20;

    /// <summary>What comes on top in bf16, whose products are oneDNN's.</summary>
    public const long RuntimeOfProducts = 25L << 20;

    /// <summary>A CUDA context with libtorch's kernels and cuBLAS's workspaces. Assumed: it differs by card and driver.</summary>
    public const long RuntimeOfCuda = 1L << 30;

    /// <summary>Of a GPU's memory, what is not counted on: blocks that the caching allocator holds and has no use for at the moment.</summary>
    public const double CudaReserve = 0.03;

    /// <summary>Buffers of the update: see <see cref="UpdateMemory"/>.</summary>
    public long Buffers { get; init; }

    /// <summary>Of the runtime, what is there before the first tensor; on CUDA nothing.</summary>
    public long Loaded { get; init; }

    /// <summary>Master copy and moments, with the buffers of their update, where they are kept in host memory.</summary>
    public long OnHost { get; init; }

    /// <summary>All of it, on the device.</summary>
    public long Total => Weights + Gradients + Master + Moments + Buffers + Reference + Activations + Logits + Runtime;

    /// <summary>What memory in use grows by, from before the first tensor on: the process's on the CPU, the device's elsewhere.</summary>
    public long Growth => Total - Loaded;

    /// <summary>Of the logits' buffer on the CPU, what nobody writes to: a tensor has it, and it is no memory.</summary>
    public long Untouched { get; init; }

    /// <summary>The tensors alone, as they are counted.</summary>
    public long Tensors => Total - Runtime + Untouched;

    /// <summary>The lines of the table.</summary>
    public IEnumerable<MemoryTerm> Terms => new MemoryTerm[]
    {
        new("weights", Weights, "of the policy"),
        new("gradients", Gradients, "summed in fp32"),
        new("master weights", Master, "fp32, beside bf16 weights"),
        new("moments", Moments, "of the optimizer"),
        new("update", Buffers, "buffers of the optimizer"),
        new("reference", Reference, "a second model"),
        new("activations", Activations, "of the largest micro-batch"),
        new("logits", Logits, "a buffer"),
        new("runtime", Runtime, "libtorch and the program"),
    }.Where(term => term.Bytes > 0);

    /// <summary>Counts.</summary>
    /// <param name="setup">The run.</param>
    /// <param name="training">The micro-batch of the most tokens.</param>
    /// <param name="evaluation">The largest batch of an evaluation; null where there is none.</param>
    public static MemoryPlan Of(MemorySetup setup, MicroBatchShape training, MicroBatchShape? evaluation)
    {
        ArgumentNullException.ThrowIfNull(setup);
        ArgumentNullException.ThrowIfNull(training);
        var (step, update, learned, adapted) = (new StepMemory(setup), new UpdateMemory(setup), setup.Learned, setup.Adapter is not null);
        var (master, moments) = (setup.Bf16 && !adapted ? 4 * learned : 0, setup.Averages * setup.AverageWidth * learned);
        List<MicroBatchShape> batches = [training, .. evaluation is null ? Array.Empty<MicroBatchShape>() : [evaluation]];
        long[] passing = [step.Training(training), evaluation is null ? 0 : step.Evaluation(evaluation), update.Transient];
        var (whole, written) = step.Workspace(batches);
        var plan = new MemoryPlan(setup.WeightBytes(setup.Model) + (adapted ? 4 * learned : 0), 4 * learned, setup.StateOnHost ? 0 : master, setup.StateOnHost ? 0 : moments,
            setup.Reference is { } reference ? setup.WeightBytes(reference) : setup.StartingAdapter ? 4 * learned : 0, passing.Max(), setup.OnCuda ? whole : written, Runtime: 0)
        {
            Untouched = setup.OnCuda ? 0 : whole - written,
            Buffers = setup.StateOnHost ? 0 : update.Buffers,
            Loaded = setup.OnCuda ? 0 : RuntimeLoaded,
            OnHost = setup.StateOnHost ? master + moments + update.Buffers : 0,
        };
        return plan with { Runtime = setup.OnCuda ? RuntimeOfCuda : RuntimeLoaded + RuntimeComputing + (setup.Bf16 ? RuntimeOfProducts : 0) + BlockHeap.Idle(plan.Total) };
    }
}
