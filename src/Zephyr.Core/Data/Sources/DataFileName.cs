namespace Zephyr.Data.Sources;

/// <summary>What a data file is, by the end of its name: Parquet, or JSON Lines as they are or compressed.</summary>
internal static class DataFileName
{
    /// <summary>The ends of compressed files.</summary>
    public const string Gzip = ".gz", Zstandard = ".zst";

    private const string Parquet = ".parquet", Json = ".json";
    private static readonly string[] Lines = [".jsonl", ".jsonlines", ".json-lines"];

    /// <summary>Whether the name ends in .parquet.</summary>
    public static bool IsParquet(string file) => Ends(file, Parquet);

    /// <summary>
    /// Whether the name says that the file holds rows. A .json may be anything, so it must be named outright; nobody compresses a settings file.
    /// </summary>
    public static bool IsData(string file) =>
        IsParquet(file) || Lines.Any(end => Ends(Uncompressed(file), end)) || (CompressionOf(file) is not null && IsJson(file));

    /// <summary>Whether the name ends in .json, compressed or not: JSON Lines, or one array.</summary>
    public static bool IsJson(string file) => Ends(Uncompressed(file), Json);

    /// <summary>How the file is compressed: <see cref="Gzip"/>, <see cref="Zstandard"/>, or null. Parquet is compressed within.</summary>
    public static string? CompressionOf(string file) => new[] { Gzip, Zstandard }.FirstOrDefault(end => Ends(file, end));

    /// <summary>The path without what says the format: the same for rows.jsonl, rows.jsonl.gz and rows.parquet.</summary>
    public static string StemOf(string file) => Path.ChangeExtension(Uncompressed(file), null);

    private static string Uncompressed(string file) => CompressionOf(file) is { } end ? file[..^end.Length] : file;

    private static bool Ends(string file, string end) => file.EndsWith(end, StringComparison.OrdinalIgnoreCase);
}
