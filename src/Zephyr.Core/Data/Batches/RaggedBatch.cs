namespace Zephyr.Data.Batches;

/// <summary>Rows of a batch, from <paramref name="Start"/> on.</summary>
/// <param name="Start">The first row.</param>
/// <param name="Length">How many.</param>
public readonly record struct RowSpan(int Start, int Length);

/// <summary>
/// Sequences laid end to end, without padding (design decision 1): T token ids, each with its position in its own sequence.
/// Sequence n is rows <c>Offsets[n]</c> to <c>Offsets[n + 1]</c>.
/// </summary>
/// <param name="TokenIds">[T]</param>
/// <param name="Positions">[T], restarting from 0 in every sequence.</param>
/// <param name="Offsets">[N + 1], from 0 to T.</param>
public sealed record RaggedBatch(int[] TokenIds, int[] Positions, int[] Offsets)
{
    /// <summary>
    /// [N] rows of the batch that a sequence's queries see before its own, as if they stood in front of it; empty ones for a sequence that
    /// stands alone, and null where all do. So two answers share one prompt.
    /// </summary>
    public RowSpan[]? Prefixes { get; init; }

    /// <summary>N.</summary>
    public int SequenceCount => Offsets.Length - 1;

    /// <summary>T.</summary>
    public int TokenCount => TokenIds.Length;

    /// <summary>Lays the sequences end to end.</summary>
    /// <exception cref="ArgumentException">There is no sequence, or one is empty.</exception>
    public static RaggedBatch Of(params IReadOnlyList<int[]> sequences)
    {
        if (sequences.Count == 0 || sequences.Any(ids => ids.Length == 0))
            throw new ArgumentException("a batch needs at least one sequence, and each at least one token", nameof(sequences));
        var offsets = new int[sequences.Count + 1];
        for (var n = 0; n < sequences.Count; n++) offsets[n + 1] = offsets[n] + sequences[n].Length;
        var ids = new int[offsets[^1]];
        var positions = new int[offsets[^1]];
        for (var n = 0; n < sequences.Count; n++)
        {
            sequences[n].CopyTo(ids, offsets[n]);
            for (var i = 0; i < sequences[n].Length; i++) positions[offsets[n] + i] = i;
        }
        return new(ids, positions, offsets);
    }

    /// <summary>Batches end to end as one.</summary>
    public static RaggedBatch Join(IReadOnlyList<RaggedBatch> batches)
    {
        ArgumentNullException.ThrowIfNull(batches);
        List<int> offsets = [0];
        List<RowSpan> prefixes = [];
        foreach (var batch in batches)
        {
            var start = offsets[^1];
            prefixes.AddRange((batch.Prefixes ?? new RowSpan[batch.SequenceCount]).Select(prefix => prefix.Length == 0 ? prefix : prefix with { Start = prefix.Start + start }));
            offsets.AddRange(batch.Offsets.Skip(1).Select(offset => offset + start));
        }
        return new([.. batches.SelectMany(batch => batch.TokenIds)], [.. batches.SelectMany(batch => batch.Positions)], [.. offsets])
        {
            Prefixes = batches.Any(batch => batch.Prefixes is not null) ? [.. prefixes] : null,
        };
    }
}
