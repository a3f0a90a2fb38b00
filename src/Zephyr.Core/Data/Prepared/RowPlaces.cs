namespace Zephyr.Data.Prepared;

/// <summary>Where rows came from, each by its file's place among all, so that the files may be moved.</summary>
internal sealed class RowPlaces
{
    private readonly string[] _files;
    private readonly Dictionary<string, int> _places = new(StringComparer.Ordinal);

    /// <param name="files">The files of the rows.</param>
    public RowPlaces(IEnumerable<string> files)
    {
        _files = [.. files.Distinct(StringComparer.Ordinal)];
        foreach (var file in _files) _places.Add(file, _places.Count);
    }

    /// <summary>Whether a place can be written: its file is one of these.</summary>
    public bool Know(RowLocation location) => _places.ContainsKey(location.File);

    public void Write(RowLocation location, RowWriter to)
    {
        to.Number(2L * _places[location.File] + (location.IsLine ? 1 : 0));
        to.Number(location.Number);
    }

    public RowLocation Read(ref RowReader from)
    {
        var place = from.Count();
        return new(_files[place / 2], from.Number(), place % 2 != 0);
    }
}
