using Zephyr.Data.Batches;

namespace Zephyr.Data.Prepared;

/// <summary>Training sequences: ids, labels where not all are, documents where there are several, and where it came from where it is one row.</summary>
/// <param name="files">The files of the rows; a place in any other is not kept.</param>
internal sealed class SequenceFormat(params IEnumerable<string> files) : IRowFormat<TokenSequence>
{
    private const int HasSupervised = 1, HasDocuments = 2, HasLocation = 4;

    private readonly RowPlaces _places = new(files);

    public void Write(TokenSequence row, RowWriter to)
    {
        var location = row.Location is { } place && _places.Know(place) ? row.Location : null;
        to.Number((row.Supervised is null ? 0 : HasSupervised) | (row.DocumentOffsets is null ? 0 : HasDocuments) | (location is null ? 0 : HasLocation));
        if (location is { } known) _places.Write(known, to);
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
        RowLocation? location = (has & HasLocation) != 0 ? _places.Read(ref from) : null;
        var length = from.Count();
        var ids = from.Ids(length);
        var supervised = (has & HasSupervised) != 0 ? from.Flags(length) : null;
        if ((has & HasDocuments) == 0) return new(ids, supervised) { Location = location };
        var documents = from.Count();
        if (documents > length) throw new FormatException("there are more documents than ids");
        var offsets = new int[documents + 1];
        for (var d = 1; d < offsets.Length; d++) offsets[d] = checked(offsets[d - 1] + from.Count());
        if (offsets[^1] != length) throw new FormatException("the documents are not all of the ids");
        return new(ids, supervised, offsets) { Location = location };
    }
}
