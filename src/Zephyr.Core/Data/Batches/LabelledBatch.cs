namespace Zephyr.Data.Batches;

/// <summary>
/// A ragged batch with its labels: the R rows whose hidden state predicts a supervised token, and those tokens
/// (design decision 2: only these rows meet the vocabulary).
/// </summary>
/// <param name="Batch">The tokens that are run through the model.</param>
/// <param name="Rows">[R] indices into the batch's T rows.</param>
/// <param name="Labels">[R] the token that follows each row.</param>
/// <param name="LabelOffsets">[N + 1] labels in groups whose log-probabilities are summed, one for each sequence or answer: those of group n are <c>LabelOffsets[n]</c> to <c>LabelOffsets[n + 1]</c>.</param>
public sealed record LabelledBatch(RaggedBatch Batch, int[] Rows, int[] Labels, int[] LabelOffsets)
{
    /// <summary>R.</summary>
    public int LabelCount => Labels.Length;

    /// <summary>[R] what each label counts for in its sequence's sum; null where all count alike.</summary>
    public float[]? LabelWeights { get; init; }

    /// <summary>Batches end to end as one, their groups of labels likewise.</summary>
    /// <param name="batches">At least one.</param>
    public static LabelledBatch Join(IReadOnlyList<LabelledBatch> batches)
    {
        ArgumentNullException.ThrowIfNull(batches);
        if (batches.Count == 1) return batches[0];
        List<int> rows = [], labels = [], offsets = [0];
        var tokens = 0;
        foreach (var batch in batches)
        {
            rows.AddRange(batch.Rows.Select(row => row + tokens));
            offsets.AddRange(batch.LabelOffsets.Skip(1).Select(offset => offset + labels.Count));
            labels.AddRange(batch.Labels);
            tokens += batch.Batch.TokenCount;
        }
        return new(RaggedBatch.Join([.. batches.Select(batch => batch.Batch)]), [.. rows], [.. labels], [.. offsets])
        {
            LabelWeights = batches[0].LabelWeights is null ? null : [.. batches.SelectMany(batch => batch.LabelWeights!)],
        };
    }

    /// <summary>The same tokens with some of the groups of labels, in the order given.</summary>
    public LabelledBatch OfGroups(IReadOnlyList<int> groups)
    {
        ArgumentNullException.ThrowIfNull(groups);
        T[] Part<T>(T[] all) => [.. groups.SelectMany(n => all[LabelOffsets[n]..LabelOffsets[n + 1]])];
        var offsets = new int[groups.Count + 1];
        for (var i = 0; i < groups.Count; i++) offsets[i + 1] = offsets[i] + LabelOffsets[groups[i] + 1] - LabelOffsets[groups[i]];
        return new(Batch, Part(Rows), Part(Labels), offsets) { LabelWeights = LabelWeights is null ? null : Part(LabelWeights) };
    }

    /// <summary>
    /// Lays the documents of all sequences end to end and gathers what the loss asks for. A packed sequence is as many sequences
    /// of the batch as it has documents: that is all there is to keeping them apart.
    /// </summary>
    public static LabelledBatch Of(IReadOnlyList<TokenSequence> sequences)
    {
        var documents = sequences.SelectMany(sequence => sequence.Documents).ToList();
        var batch = RaggedBatch.Of([.. documents.Select(document => document.Ids)]);
        List<int> rows = [], labels = [];
        var labelOffsets = new int[documents.Count + 1];
        for (var n = 0; n < documents.Count; n++)
        {
            var document = documents[n];
            for (var i = 1; i < document.Ids.Length; i++)
            {
                if (!document.IsLabel(i)) continue;
                rows.Add(batch.Offsets[n] + i - 1);
                labels.Add(document.Ids[i]);
            }
            labelOffsets[n + 1] = rows.Count;
        }
        return new(batch, [.. rows], [.. labels], labelOffsets);
    }
}
