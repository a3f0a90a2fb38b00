using Zephyr.Data.Text;

namespace Zephyr.Data.Prepared;

/// <summary>Preference pairs: where each came from, its three lists of ids, and how long they were before they were cut.</summary>
internal sealed class PairFormat : IRowFormat<TokenizedPair>
{
    private readonly string[] _files;
    private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);

    /// <param name="files">The files of the rows. A pair names its own by its place among them, so that they may be moved.</param>
    public PairFormat(IEnumerable<string> files)
    {
        _files = [.. files.Distinct(StringComparer.Ordinal)];
        foreach (var file in _files) _places.Add(file, _places.Count);
    }

    public void Write(TokenizedPair row, RowWriter to)
    {
        to.Number(2L * _places[row.Location.File] + (row.Location.IsLine ? 1 : 0));
        to.Number(row.Location.Number);
        foreach (var length in (ReadOnlySpan<int>)[row.Whole.Prompt, row.Whole.Chosen, row.Whole.Rejected]) to.Number(length);
        foreach (var ids in (ReadOnlySpan<int[]>)[row.PromptIds, row.ChosenIds, row.RejectedIds])
        {
            to.Number(ids.Length);
            to.Ids(ids);
        }
    }

    public TokenizedPair Read(ref RowReader from)
    {
        var place = from.Count();
        var location = new RowLocation(_files[place / 2], from.Number(), place % 2 != 0);
        var whole = new PairLengths(from.Count(), from.Count(), from.Count());
        return new(location, from.Ids(from.Count()), from.Ids(from.Count()), from.Ids(from.Count()), whole);
    }
}
