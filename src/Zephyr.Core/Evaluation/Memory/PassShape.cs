using Zephyr.Data.Batches;
using Zephyr.Data.Text;
using Zephyr.Objectives;

namespace Zephyr.Evaluation.Memory;

/// <summary>Rows that attend together.</summary>
/// <param name="Length">Rows of its own.</param>
/// <param name="Prefix">Rows of another one that it sees before them: a prompt that two answers share.</param>
public readonly record struct SequenceShape(int Length, int Prefix);

/// <summary>All that memory and operations of one pass through the model depend on.</summary>
/// <param name="Sequences">Laid end to end.</param>
/// <param name="Labels">Rows that meet the vocabulary.</param>
public sealed record PassShape(IReadOnlyList<SequenceShape> Sequences, int Labels)
{
    /// <summary>T: rows of the pass.</summary>
    public long Tokens { get; } = Sequences.Sum(sequence => (long)sequence.Length);

    /// <summary>The shape of a batch.</summary>
    public static PassShape Of(LabelledBatch batch)
    {
        ArgumentNullException.ThrowIfNull(batch);
        var ragged = batch.Batch;
        return new([.. Enumerable.Range(0, ragged.SequenceCount).Select(n =>
            new SequenceShape(ragged.Offsets[n + 1] - ragged.Offsets[n], ragged.Prefixes?[n].Length ?? 0))], batch.LabelCount);
    }
}

/// <summary>A micro-batch as the objective runs it.</summary>
/// <param name="Rows">Rows of data: sequences or pairs.</param>
/// <param name="Passes">Forward passes of the policy, whose states are in memory together: one, or two for pairs that are laid out apart.</param>
/// <param name="LabelsAtOnce">The most labels that meet the vocabulary together, but for the limit that the workspace sets.</param>
public sealed record MicroBatchShape(int Rows, IReadOnlyList<PassShape> Passes, int LabelsAtOnce)
{
    /// <summary>Tokens in memory together.</summary>
    public long Tokens => Passes.Sum(pass => pass.Tokens);

    /// <summary>As SFT runs some sequences.</summary>
    public static MicroBatchShape Of(IReadOnlyList<TokenSequence> rows)
    {
        ArgumentNullException.ThrowIfNull(rows);
        var pass = PassShape.Of(LabelledBatch.Of(rows));
        return new(rows.Count, [pass], pass.Labels);
    }

    /// <summary>As DPO runs some pairs.</summary>
    /// <param name="rows">The pairs.</param>
    /// <param name="settings">How they are laid out.</param>
    /// <param name="vocabulary">V, which says how many labels meet it at once.</param>
    public static MicroBatchShape Of(IReadOnlyList<TokenizedPair> rows, DpoSettings settings, int vocabulary)
    {
        ArgumentNullException.ThrowIfNull(rows);
        ArgumentNullException.ThrowIfNull(settings);
        var room = settings.Loss.IsOverSortedPairs ? int.MaxValue : LogitsWorkspace.RowsOf(vocabulary, LogitsWorkspace.UsualBytes);
        var together = DpoObjective.PairsAtOnce(rows, room).Max(range => range.Sum(n => rows[n].ChosenIds.Length + rows[n].RejectedIds.Length));
        return new(rows.Count, [.. PairLayout.Of(rows, settings).Select(PassShape.Of)], together);
    }
}
