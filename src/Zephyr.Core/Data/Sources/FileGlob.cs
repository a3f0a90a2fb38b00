using System.IO.Enumeration;

namespace Zephyr.Data.Sources;

/// <summary>Expands globs: * and ? within a name, ** for any number of folders.</summary>
internal static class FileGlob
{
    private static readonly EnumerationOptions AllEntries = new() { MatchType = MatchType.Simple, AttributesToSkip = 0 };

    /// <summary>Whether the text has a wildcard.</summary>
    public static bool IsGlob(string pattern) => pattern.AsSpan().IndexOfAny('*', '?') >= 0;

    /// <summary>The files that match, in no particular order.</summary>
    public static IEnumerable<string> Expand(string pattern)
    {
        var segments = pattern.Split('/', StringSplitOptions.RemoveEmptyEntries);
        return Expand(pattern.StartsWith('/') ? "/" : "", segments);
    }

    private static IEnumerable<string> Expand(string folder, ReadOnlyMemory<string> segments)
    {
        var segment = segments.Span[0];
        var rest = segments[1..];
        if (rest.IsEmpty) return Files(folder, segment);
        if (segment == "**") return Folders(folder, "*").SelectMany(child => Expand(child, segments)).Concat(Expand(folder, rest));
        if (IsGlob(segment)) return Folders(folder, segment).SelectMany(child => Expand(child, rest));
        return Expand(Path.Combine(folder, segment), rest);
    }

    private static IEnumerable<string> Files(string folder, string pattern) => Entries(folder, pattern, Directory.EnumerateFiles);

    private static IEnumerable<string> Folders(string folder, string pattern) =>
        Entries(folder, pattern, Directory.EnumerateDirectories);

    /// <summary>Names are joined to the folder as the user wrote it, so that messages show the path the user knows.</summary>
    private static IEnumerable<string> Entries(
        string folder, string pattern, Func<string, string, EnumerationOptions, IEnumerable<string>> enumerate)
    {
        var where = folder.Length == 0 ? "." : folder;
        if (!Directory.Exists(where)) return [];
        return enumerate(where, "*", AllEntries)
            .Select(entry => Path.GetFileName(entry)!)
            .Where(name => FileSystemName.MatchesSimpleExpression(pattern == "**" ? "*" : pattern, name, ignoreCase: false))
            .Select(name => Path.Combine(folder, name));
    }
}
