using Zephyr.Training;

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

    /// <summary>What comes on top once it computes, measured: compiled code, the packing buffers of matrix products, compiled scripts.</summary>
    public const long RuntimeComputing = 85L << 20;

    /// <summary>What comes on top in bf16, whose products are oneDNN's: it keeps up to 64 kernels with memory of their own (NativeVariables). Measured 10 MiB where all batches are alike and 83 where none is.</summary>
    public const long RuntimeOfKernels = 45L << 20;

    /// <summary>A CUDA context with libtorch's kernels and cuBLAS's workspaces. Assumed: it differs by card and driver.</summary>
    public const long RuntimeOfCuda = 1L << 30;

    /// <summary>Of a GPU's memory, what is not counted on: blocks that the caching allocator holds and has no use for at the moment.</summary>
    public const double CudaReserve = 0.03;

    /// <summary>Master copy and moments where they are kept in host memory.</summary>
    public long OnHost { get; init; }

    /// <summary>All of it, on the device.</summary>
    public long Total => Weights + Gradients + Master + Moments + Reference + Activations + Logits + Runtime;

    /// <summary>What the process grows by on the CPU, from before its first tensor on.</summary>
    public long Growth => Total - RuntimeLoaded;

    /// <summary>The tensors alone.</summary>
    public long Tensors => Total - Runtime;

    /// <summary>The lines of the table.</summary>
    public IEnumerable<MemoryTerm> Terms => new MemoryTerm[]
    {
        new("weights", Weights, "of the policy"),
        new("gradients", Gradients, "summed in fp32"),
        new("master weights", Master, "fp32, beside bf16 weights"),
        new("moments", Moments, "of the optimizer"),
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
        var (step, learned, adapted) = (new StepMemory(setup), setup.Learned, setup.Adapter is not null);
        var (master, moments) = (setup.Bf16 && !adapted ? 4 * learned : 0, setup.Averages * setup.AverageWidth * learned);
        List<MicroBatchShape> batches = [training, .. evaluation is null ? Array.Empty<MicroBatchShape>() : [evaluation]];
        long[] passing = [step.Training(training), evaluation is null ? 0 : step.Evaluation(evaluation), Update(setup)];
        return new(setup.WeightBytes(setup.Model) + (adapted ? 4 * learned : 0), 4 * learned, setup.StateOnHost ? 0 : master, setup.StateOnHost ? 0 : moments,
            setup.Reference is { } reference ? setup.WeightBytes(reference) : setup.StartingAdapter ? 4 * learned : 0, passing.Max(), step.Workspace(batches),
            setup.OnCuda ? RuntimeOfCuda : RuntimeLoaded + RuntimeComputing + (setup.Bf16 ? RuntimeOfKernels : 0))
        {
            OnHost = setup.StateOnHost ? master + moments : 0,
        };
    }

    /// <summary>RMSprop's root of an average, a weight at a time, where AdamW makes nothing; averages of bf16 are brought to fp32 a piece of a weight at a time.</summary>
    private static long Update(MemorySetup setup)
    {
        var largest = (setup.Adapter?.WeightsOf(setup.Model) ?? setup.Model.Weights).Max(weight => weight.Shape.Aggregate(1L, (product, size) => product * size));
        return (setup.Averages == 1 ? 4 * largest : 0) + (setup.AverageWidth == 2 && !setup.StateOnHost ? 4 * setup.Averages * Math.Min(largest, Optimizer.Piece) : 0);
    }
}
