using Zephyr.Data.Batches;

namespace Zephyr.Data.Prepared;

/// <summary>Training sequences: ids, labels where not all are, documents where there are several.</summary>
internal sealed class SequenceFormat : IRowFormat<TokenSequence>
{
    private const int HasSupervised = 1, HasDocuments = 2;

    public void Write(TokenSequence row, RowWriter to)
    {
        to.Number((row.Supervised is null ? 0 : HasSupervised) | (row.DocumentOffsets is null ? 0 : HasDocuments));
        to.Number(row.Ids.Length);
        to.Ids(row.Ids);
        if (row.Supervised is { } supervised) to.Flags(supervised);
        if (row.DocumentOffsets is not { } offsets) return;
        to.Number(offsets.Length - 1);
        for (var d = 1; d < offsets.Length; d++) to.Number(offsets[d] - offsets[d - 1]);
    }

    public TokenSequence Read(ref RowReader from)
    {
        var has = from.Count();
        var length = from.Count();
        var ids = from.Ids(length);
        var supervised = (has & HasSupervised) != 0 ? from.Flags(length) : null;
        if ((has & HasDocuments) == 0) return new(ids, supervised);
        var offsets = new int[from.Count() + 1];
        for (var d = 1; d < offsets.Length; d++) offsets[d] = offsets[d - 1] + from.Count();
        return new(ids, supervised, offsets);
    }
}
