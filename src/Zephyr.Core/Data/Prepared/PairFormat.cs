using Zephyr.Data.Text;

namespace Zephyr.Data.Prepared;

/// <summary>Preference pairs: where each came from, its three lists of ids, and how long they were before they were cut.</summary>
/// <param name="files">The files of the rows.</param>
internal sealed class PairFormat(IEnumerable<string> files) : IRowFormat<TokenizedPair>
{
    private readonly RowPlaces _places = new(files);

    public void Write(TokenizedPair row, RowWriter to)
    {
        _places.Write(row.Location, to);
        foreach (var length in (ReadOnlySpan<int>)[row.Whole.Prompt, row.Whole.Chosen, row.Whole.Rejected]) to.Number(length);
        foreach (var ids in (ReadOnlySpan<int[]>)[row.PromptIds, row.ChosenIds, row.RejectedIds])
        {
            to.Number(ids.Length);
            to.Ids(ids);
        }
    }

    public TokenizedPair Read(ref RowReader from)
    {
        var location = _places.Read(ref from);
        var whole = new PairLengths(from.Count(), from.Count(), from.Count());
        return new(location, from.Ids(from.Count()), from.Ids(from.Count()), from.Ids(from.Count()), whole);
    }
}
