using System.Collections;
using Zephyr.Evaluation.Memory;
using Zephyr.Evaluation.Speed;
using Zephyr.Training;

namespace Zephyr.Pipeline;

/// <summary>Everything that is known of a training run before its first step: what --dry-run shows.</summary>
/// <param name="Stage">sft or dpo.</param>
/// <param name="Files">What is read.</param>
/// <param name="Rows">What the rows became.</param>
/// <param name="Steps">How long it takes and with which rates.</param>
/// <param name="Model">What learns, and where.</param>
/// <param name="Memory">What the run takes on its device at its highest, and what would make it less.</param>
/// <param name="Cost">Its floating-point operations.</param>
/// <param name="Disk">What it writes.</param>
/// <param name="Notes">What the run would note: lengths, cuts, what was left out.</param>
public sealed record RunPlan(
    string Stage, FilePlan Files, RowPlan Rows, StepPlan Steps, ModelPlan Model, MemoryForecast Memory, RunCost Cost, DiskPlan Disk, IReadOnlyList<string> Notes);

/// <summary>The files of the rows.</summary>
/// <param name="Train">Trained on.</param>
/// <param name="Held">Held out; empty where a share of the training rows is, or nothing.</param>
public sealed record FilePlan(IReadOnlyList<string> Train, IReadOnlyList<string> Held);

/// <summary>Tokenized rows.</summary>
/// <param name="Unit">sequences or pairs.</param>
/// <param name="Train">The side that is trained on.</param>
/// <param name="Held">The held-out side.</param>
public sealed record RowPlan(string Unit, RowCount Train, RowCount Held);

/// <summary>One side of the rows.</summary>
/// <param name="Count">Sequences or pairs.</param>
/// <param name="Tokens">Tokens run through the policy for all of them; a pair's prompt counts twice.</param>
/// <param name="Labels">Tokens that the loss asks for.</param>
/// <param name="Longest">The longest sequence in tokens.</param>
public sealed record RowCount(int Count, long Tokens, long Labels, int Longest);

/// <summary>The steps of a run.</summary>
/// <param name="Total">Optimizer steps of the whole run.</param>
/// <param name="Start">Steps done before, where it goes on from a checkpoint.</param>
/// <param name="PerEpoch">Steps in a pass over the rows.</param>
/// <param name="Epochs">Passes over the rows.</param>
/// <param name="RowsPerStep">Rows in a step: micro-batch times accumulation.</param>
/// <param name="MicroBatches">How the rows of a step are divided.</param>
/// <param name="FirstRate">Learning rate of step 1.</param>
/// <param name="PeakStep">The first step with the highest rate; the warmup is the steps before it.</param>
/// <param name="PeakRate">That rate.</param>
/// <param name="LastRate">Learning rate of the last step.</param>
/// <param name="Evaluations">Evaluations on held-out rows from here to the end.</param>
public sealed record StepPlan(
    int Total, int Start, int PerEpoch, double Epochs, long RowsPerStep, MicroBatchSummary MicroBatches, double FirstRate, int PeakStep, double PeakRate, double LastRate,
    int Evaluations)
{
    /// <summary>Steps over which the rate rises.</summary>
    public int Warmup => PeakStep - 1;
}

/// <summary>The policy.</summary>
/// <param name="Path">The folder or checkpoint that its weights come from.</param>
/// <param name="Checkpoint">The checkpoint that the run goes on from; null for a fresh start.</param>
/// <param name="Parameters">How many numbers are learned.</param>
/// <param name="Precision">float32, or bfloat16 and what keeps it exact.</param>
/// <param name="Device">cpu or cuda:0.</param>
/// <param name="Reference">The reference model's folder, where there is one.</param>
public sealed record ModelPlan(string Path, string? Checkpoint, long Parameters, string Precision, string Device, string? Reference)
{
    /// <summary>How many numbers stay as they are beside an adapter that learns; 0 where all are learned.</summary>
    public long Frozen { get; init; }
}

/// <summary>What is written.</summary>
/// <param name="OutputDir">Where.</param>
/// <param name="Checkpoints">The steps after which a checkpoint is written.</param>
/// <param name="Kept">How many of them stay.</param>
/// <param name="CheckpointBytes">One checkpoint's weights and optimizer state.</param>
/// <param name="ModelBytes">The trained model's weights.</param>
/// <param name="Free">Free bytes on that disk; null where that cannot be told.</param>
public sealed record DiskPlan(string OutputDir, IReadOnlyList<int> Checkpoints, int Kept, long CheckpointBytes, long ModelBytes, long? Free)
{
    /// <summary>The most that stands there at once: a new checkpoint is whole before an old one goes.</summary>
    public long Needed => CheckpointBytes * Math.Min(Kept + 1, Checkpoints.Count) + ModelBytes;

    /// <summary>Checkpoints that stand there already and stay; 0 for a fresh start.</summary>
    public int Standing { get; init; }

    /// <summary>Bytes of an earlier run that go before the first checkpoint is written.</summary>
    public long Freed { get; init; }

    /// <summary>The most that is written beyond what stands there. Where there are as many checkpoints as are kept, one more at a time is.</summary>
    public long Ahead => CheckpointBytes * (Checkpoints.Count == 0 ? 0 : Math.Max(1, Math.Min(Standing + Checkpoints.Count, Limit) - Standing)) + ModelBytes;

    /// <summary>Whether that fits the disk, as far as can be told.</summary>
    public bool Fits => Free is not { } free || Ahead <= free + Freed;

    /// <summary>As many checkpoints as stand there at once.</summary>
    public required long Limit { get; init; }
}

/// <summary>Every so many steps: counted, not listed, as a run may have billions.</summary>
/// <param name="every">The distance, above 0.</param>
/// <param name="start">Steps after this one.</param>
/// <param name="end">The last one that may be among them.</param>
public sealed class StepSeries(int every, int start, int end) : IReadOnlyList<int>
{
    /// <inheritdoc/>
    public int Count => Math.Max(0, end / every - start / every);

    /// <inheritdoc/>
    public int this[int index] => index >= 0 && index < Count ? (start / every + 1 + index) * every : throw new ArgumentOutOfRangeException(nameof(index));

    /// <inheritdoc/>
    public IEnumerator<int> GetEnumerator() => Enumerable.Range(0, Count).Select(index => this[index]).GetEnumerator();

    IEnumerator IEnumerable.GetEnumerator() => GetEnumerator();
}
