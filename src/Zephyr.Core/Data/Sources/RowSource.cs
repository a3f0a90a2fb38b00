namespace Zephyr.Data.Sources;

/// <summary>A data file, and how much of it is read.</summary>
/// <param name="Path">The file.</param>
/// <param name="Rows">The most rows to read, from the first on; bad ones count.</param>
public sealed record RowFile(string Path, int Rows = int.MaxValue);

/// <summary>Where rows come from, and what becomes of those that cannot be used.</summary>
/// <param name="Files">The files, in the order in which they are read.</param>
/// <param name="Bad">What a bad row does.</param>
public sealed record RowSource(IReadOnlyList<RowFile> Files, BadRows Bad)
{
    /// <summary>All rows of files; the first bad one is an error.</summary>
    public static RowSource Of(IReadOnlyList<string> files) => new([.. files.Select(file => new RowFile(file))], new(skip: false));
}
